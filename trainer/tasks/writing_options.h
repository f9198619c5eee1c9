// What `lockstep predict` asks of tasks that write texts; needs no LibTorch.
#pragma once

#include <cstdint>

namespace lockstep {

struct WritingOptions {
  int64_t beam_size = 0;     ///< 0: as the model's config says
  int64_t n_best = 1;        ///< texts in an answer; no more than the beam keeps
  bool attention = false;    ///< with the weights on each step of the source
  int64_t stream_steps = 0;  ///< read so many steps at a time, as they come; 0: all at once
};

}  // namespace lockstep
