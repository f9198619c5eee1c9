// Which samples each step learned from, as each rank got them: `samples/rank-*.jsonl` in the run
// folder, a line a step. For whoever looks for what a bad step saw.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "trainer/observers/append_file.h"

namespace lockstep {

class SampleLog {
 public:
  /// Drops the lines of steps after `step` (they are done again), and lines torn by a crash, from
  /// the files of all ranks there ever were. One rank calls it before any opens its file.
  static void cut_after(const std::filesystem::path& run_dir, int64_t step);

  /// Throws Error(save_failed).
  SampleLog(const std::filesystem::path& run_dir, int rank);

  /// {"step": 1, "epoch": 1, "samples": [...]}
  void add(int64_t step, int64_t epoch, const std::vector<int64_t>& samples);

 private:
  AppendFile file_;
  std::string line_;  ///< memory of the last one
};

}  // namespace lockstep
