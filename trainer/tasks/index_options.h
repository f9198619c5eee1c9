// What `lockstep predict --index` asks of tasks that answer from a file; needs no LibTorch.
#pragma once

#include <cstdint>
#include <filesystem>

namespace lockstep {

struct IndexOptions {
  std::filesystem::path file;   ///< JSON lines: {"answer", "question" (optional), "id" (optional)}
  double threshold = 0.5;       ///< the model's best score must reach it
  double text_threshold = 0.2;  ///< else plain text retrieval's, of which 1 is the most
  int64_t top = 3;              ///< how many answers to give
};

}  // namespace lockstep
