// Which samples make up each global batch: a pure function of (options, epoch, index), the same at
// any world size.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "data/sample_order.h"
#include "data/share.h"

namespace lockstep {

struct SamplerOptions {
  int64_t batch_size = 1;  ///< samples, at most
  Shuffle shuffle = Shuffle::global;
  int64_t block = 4096;  ///< samples, for Shuffle::blocks
  uint64_t seed = 0;
  /// Batches of samples of like length: this many batches' worth of samples, in the order of the
  /// epoch, are sorted by length, cut into batches, and those shuffled. 0: cut as they come.
  int64_t window = 0;
  /// A batch ends before its longest sequence times its samples is more than this. 0: no limit.
  /// Needs a window.
  int64_t max_steps = 0;
};

/// Cuts an epoch into global batches, each sample exactly once.
class Sampler {
 public:
  /// Real steps of a sample's inputs. Asked only for samples of the window at hand.
  using LengthOf = std::function<int64_t(int64_t id)>;

  /// `then_by` orders samples of one length, such as by the length of their targets; without it,
  /// or where it is the same, they are ordered by id.
  Sampler(int64_t num_samples, const SamplerOptions& options, LengthOf length_of = {},
          LengthOf then_by = {});

  int64_t num_samples() const { return num_samples_; }
  bool by_length() const { return options_.window > 0; }

  /// The same for all epochs, but for `max_steps`: then it takes a look at all lengths.
  int64_t batches_in_epoch(int64_t epoch);

  /// Sample ids of a global batch: in the order of the epoch, or by length, shortest first. Valid
  /// until the next call.
  const std::vector<int64_t>& batch(int64_t epoch, int64_t index);

  /// SHA-256 over the sample ids of a whole epoch in order (as little-endian int64): two runs with
  /// the same value saw the same samples in the same order.
  std::string order_sha256(int64_t epoch);

 private:
  int64_t window_size() const { return options_.window * options_.batch_size; }
  int64_t num_windows() const;
  void go_to(int64_t epoch);
  void go_to_window(int64_t window);
  void cut_window();
  const std::vector<int64_t>& first_batches();

  int64_t num_samples_;
  SamplerOptions options_;
  LengthOf length_of_, then_by_;
  std::optional<EpochOrder> order_;     ///< of the epoch at hand
  std::vector<int64_t> first_batches_;  ///< of each window of the epoch at hand, and the end
  int64_t window_ = -1;                 ///< at hand
  std::vector<int64_t> window_ids_;     ///< sorted by length
  std::vector<Share> window_batches_;   ///< parts of window_ids_, in the order of batches
  std::vector<std::array<int64_t, 3>> by_length_;  ///< length, second length, id, sorted
  std::vector<Share> cut_;                         ///< as window_batches_, not shuffled
  std::vector<int64_t> batch_;
};

}  // namespace lockstep
