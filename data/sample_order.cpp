#include "data/sample_order.h"

#include <algorithm>

#include "data/base/error.h"
#include "data/mix.h"
#include "data/share.h"

namespace lockstep {

Permutation::Permutation(uint64_t count, uint64_t key) : count_(count) {
  while (half_bits_ < 31 && (uint64_t{1} << (2 * half_bits_)) < count) ++half_bits_;
  for (size_t round = 0; round < keys_.size(); ++round) keys_[round] = mix64(key, round);
}

uint64_t Permutation::operator()(uint64_t position) const {
  uint64_t value = position;
  do {
    value = network(value);
  } while (value >= count_);
  return value;
}

uint64_t Permutation::network(uint64_t value) const {
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  uint64_t left = value >> half_bits_;
  uint64_t right = value & mask;
  for (const uint64_t key : keys_) {
    const uint64_t next = left ^ (mix64(key ^ right) & mask);
    left = right;
    right = next;
  }
  return (left << half_bits_) | right;
}

Shuffle shuffle_of(const std::string& name) {
  if (name == "none") return Shuffle::none;
  if (name == "blocks") return Shuffle::blocks;
  if (name == "global") return Shuffle::global;
  throw Error(ExitCode::config, fmt::format("no shuffle is called \"{}\"", name));
}

EpochOrder::EpochOrder(int64_t num_samples, Shuffle shuffle, int64_t block, uint64_t seed,
                       int64_t epoch)
    : num_samples_(num_samples),
      shuffle_(shuffle),
      epoch_(epoch),
      key_(mix64(seed, static_cast<uint64_t>(epoch))) {
  if (shuffle == Shuffle::global) global_.emplace(static_cast<uint64_t>(num_samples), key_);
  if (shuffle != Shuffle::blocks) return;
  LOCKSTEP_CHECK(block > 0, "blocks of {} samples", block);
  const int64_t blocks = (num_samples + block - 1) / block;
  const Permutation order(static_cast<uint64_t>(blocks), key_);
  int64_t end = 0;
  for (int64_t i = 0; i < blocks; ++i) {
    blocks_.push_back(static_cast<int64_t>(order(static_cast<uint64_t>(i))));
    end += share_of(num_samples, blocks_.back(), blocks).size();
    block_ends_.push_back(end);
  }
}

int64_t EpochOrder::operator()(int64_t position) const {
  LOCKSTEP_CHECK(position >= 0 && position < num_samples_, "position {} of {}", position,
                 num_samples_);
  if (shuffle_ == Shuffle::none) return position;
  if (shuffle_ == Shuffle::blocks) return in_block(position);
  return static_cast<int64_t>((*global_)(static_cast<uint64_t>(position)));
}

int64_t EpochOrder::in_block(int64_t position) const {
  const auto after = std::upper_bound(block_ends_.begin(), block_ends_.end(), position);
  const auto place = static_cast<size_t>(after - block_ends_.begin());
  const int64_t block = blocks_[place];
  const Share samples = share_of(num_samples_, block, static_cast<int64_t>(blocks_.size()));
  const int64_t within = position - (block_ends_[place] - samples.size());
  const Permutation order(static_cast<uint64_t>(samples.size()),
                          mix64(key_, static_cast<uint64_t>(block)));
  return samples.begin + static_cast<int64_t>(order(static_cast<uint64_t>(within)));
}

}  // namespace lockstep
