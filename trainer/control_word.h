// What travels with the last bucket of gradients, so that a step needs no other exchange: sums over
// ranks like the gradients, and one slot per rank that only this rank fills, so that summing
// gathers the slots.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lockstep {

/// What one rank tells all others.
struct RankReport {
  double loss_targets = 0;   ///< targets of its share
  double squared_norm = 0;   ///< of its own gradient (of the loss sum); not finite when that is not
  uint32_t fingerprint = 0;  ///< of a part of its parameters before the step
  std::vector<int64_t> rows = {};  ///< that it touched of each row-sparse gradient
};

/// The word as it lies in the flat buffer: the task's sums, then the number of ranks that were
/// asked to stop, then the slots.
class ControlWord {
 public:
  ControlWord(int64_t task_sums, int world_size, size_t row_sparse = 0)
      : task_sums_(task_sums), world_size_(world_size), row_sparse_(row_sparse) {}

  int64_t size() const { return task_sums_ + 1 + slot() * world_size_; }
  int64_t task_sums() const { return task_sums_; }
  int world_size() const { return world_size_; }

  /// What rank `rank` puts in behind the task's sums: `word` is [size() - task_sums()].
  void write(int rank, bool want_stop, const RankReport& report, float* word) const;

  /// The summed word, [size()].
  struct Reading {
    std::vector<double> sums;  ///< the task's
    bool stop = false;
    std::vector<RankReport> ranks;
  };
  /// In the memory that `reading` has, where it read such a word before.
  void read(const float* word, Reading& reading) const;

 private:
  /// targets, squared norm, and the fingerprint and numbers of rows in halves: floats hold
  /// integers up to 2^24.
  int64_t slot() const { return 4 + 2 * static_cast<int64_t>(row_sparse_); }

  int64_t task_sums_;
  int world_size_;
  size_t row_sparse_;
};

/// Gradient noise of one step (McCandlish et al. 2018, appendix A.1): unbiased estimates of the
/// squared norm of the true gradient and of the trace of the covariance of one target's gradient,
/// from how much the ranks' gradients differ. Their ratio, each averaged over many steps first, is
/// the batch size (in targets) beyond which more data per step stops paying. Zeros when fewer
/// than two ranks had targets.
struct GradientNoise {
  double squared_gradient = 0;
  double covariance_trace = 0;
};
GradientNoise gradient_noise(const std::vector<RankReport>& ranks, double squared_norm_of_sum);

/// Ranks whose fingerprint is not the one that most have; all ranks when none has a majority;
/// empty when all agree.
std::vector<int> differing_ranks(const std::vector<RankReport>& ranks);

}  // namespace lockstep
