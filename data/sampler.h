// The order of samples: a pure function of (seed, epoch, position), the same at any world size.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep {

/// The part [begin, end) of `count` things that belongs to `part` of `parts`: sizes differ by one
/// at most, larger parts first.
struct Share {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t size() const { return end - begin; }
};
Share share_of(int64_t count, int64_t part, int64_t parts);

/// The lanes of a rank, when there are `lanes` (a multiple of the world size) over all ranks; 0
/// means one a rank.
inline Share lanes_of_rank(int64_t lanes, int rank, int world_size) {
  return share_of(lanes == 0 ? world_size : lanes, rank, world_size);
}

/// Cuts an epoch of `num_samples` into global batches, each sample exactly once, the last batch
/// smaller when the size does not divide. Uses O(1) memory: the shuffle is a keyed permutation.
class Sampler {
 public:
  Sampler(int64_t num_samples, int64_t batch_size, uint64_t seed, bool shuffle);

  int64_t num_samples() const { return num_samples_; }
  int64_t batch_size() const { return batch_size_; }
  int64_t batches_per_epoch() const;
  int64_t samples_in_batch(int64_t index) const;

  /// Sample ids of positions [begin, end) of global batch `index` of `epoch`, into `ids`.
  void sample_ids(int64_t epoch, int64_t index, Share positions, std::vector<int64_t>& ids) const;

  /// SHA-256 over the sample ids of a whole epoch in order (as little-endian int64): two runs with
  /// the same value saw the same samples in the same order.
  std::string order_sha256(int64_t epoch) const;

 private:
  int64_t num_samples_;
  int64_t batch_size_;
  uint64_t seed_;
  bool shuffle_;
};

}  // namespace lockstep
