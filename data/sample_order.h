// The order of the samples of one epoch: a pure function of (seed, epoch, position).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lockstep {

/// A keyed permutation of [0, count) in O(1) memory: a Feistel network over the smallest even
/// number of bits that holds `count`, applied again until the result lies in range (cycle walking;
/// fewer than four times on average, as the network's domain is less than four times `count`).
class Permutation {
 public:
  Permutation(uint64_t count, uint64_t key);
  uint64_t operator()(uint64_t position) const;

 private:
  uint64_t network(uint64_t value) const;

  uint64_t count_;
  int half_bits_ = 1;
  std::array<uint64_t, 6> keys_;
};

enum class Shuffle {
  none,
  /// Blocks of neighbours in a shuffled order, shuffled within: what is read lies close together.
  blocks,
  /// Every place of the epoch equally likely for every sample.
  global
};
/// Throws Error(config) for an unknown name.
Shuffle shuffle_of(const std::string& name);

class EpochOrder {
 public:
  /// `block` samples to a block, at most; only Shuffle::blocks uses it, and O(blocks) memory.
  EpochOrder(int64_t num_samples, Shuffle shuffle, int64_t block, uint64_t seed, int64_t epoch);

  int64_t epoch() const { return epoch_; }
  /// The sample at a position of the epoch.
  int64_t operator()(int64_t position) const;

 private:
  int64_t in_block(int64_t position) const;

  int64_t num_samples_;
  Shuffle shuffle_;
  int64_t epoch_;
  uint64_t key_;
  std::optional<Permutation> global_;
  std::vector<int64_t> blocks_;      ///< in their order
  std::vector<int64_t> block_ends_;  ///< positions
};

}  // namespace lockstep
