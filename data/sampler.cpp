#include "data/sampler.h"

#include <algorithm>
#include <array>
#include <bit>

#include "data/base/error.h"
#include "data/base/sha256.h"
#include "data/mix.h"

namespace lockstep {
namespace {

/// A keyed permutation of [0, count): a Feistel network over the smallest even number of bits
/// that holds `count`, applied again until the result lies in range (cycle walking; fewer than
/// four times on average, as the network's domain is less than four times `count`).
class Permutation {
 public:
  Permutation(uint64_t count, uint64_t key) : count_(count) {
    while (half_bits_ < 31 && (uint64_t{1} << (2 * half_bits_)) < count) ++half_bits_;
    for (size_t round = 0; round < keys_.size(); ++round) keys_[round] = mix64(key, round);
  }

  uint64_t operator()(uint64_t position) const {
    uint64_t value = position;
    do {
      value = network(value);
    } while (value >= count_);
    return value;
  }

 private:
  uint64_t network(uint64_t value) const {
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

  uint64_t count_;
  int half_bits_ = 1;
  std::array<uint64_t, 6> keys_;
};

}  // namespace

Share share_of(int64_t count, int64_t part, int64_t parts) {
  const int64_t size = count / parts;
  const int64_t larger = count % parts;
  const int64_t begin = part * size + std::min(part, larger);
  return {begin, begin + size + (part < larger ? 1 : 0)};
}

Sampler::Sampler(int64_t num_samples, int64_t batch_size, uint64_t seed, bool shuffle)
    : num_samples_(num_samples), batch_size_(batch_size), seed_(seed), shuffle_(shuffle) {
  LOCKSTEP_CHECK(num_samples >= 0 && num_samples < (int64_t{1} << 62), "{} samples", num_samples);
  LOCKSTEP_CHECK(batch_size > 0 && batch_size < (int64_t{1} << 62), "batch size {}", batch_size);
}

int64_t Sampler::batches_per_epoch() const {
  return (num_samples_ + batch_size_ - 1) / batch_size_;
}

int64_t Sampler::samples_in_batch(int64_t index) const {
  LOCKSTEP_CHECK(index >= 0 && index < batches_per_epoch(), "batch {} of {}", index,
                 batches_per_epoch());
  return std::min(batch_size_, num_samples_ - index * batch_size_);
}

void Sampler::sample_ids(int64_t epoch, int64_t index, Share positions,
                         std::vector<int64_t>& ids) const {
  LOCKSTEP_CHECK(positions.begin >= 0 && positions.begin <= positions.end &&
                     positions.end <= samples_in_batch(index),
                 "positions {} to {} of batch {}", positions.begin, positions.end, index);
  ids.resize(static_cast<size_t>(positions.size()));
  int64_t position = index * batch_size_ + positions.begin;
  if (!shuffle_) {
    for (int64_t& id : ids) id = position++;
    return;
  }
  const Permutation permutation(static_cast<uint64_t>(num_samples_),
                                mix64(seed_, static_cast<uint64_t>(epoch)));
  for (int64_t& id : ids) {
    id = static_cast<int64_t>(permutation(static_cast<uint64_t>(position++)));
  }
}

std::string Sampler::order_sha256(int64_t epoch) const {
  static_assert(std::endian::native == std::endian::little, "ids are hashed as they lie in memory");
  Sha256 hash;
  std::vector<int64_t> ids;
  for (int64_t index = 0; index < batches_per_epoch(); ++index) {
    sample_ids(epoch, index, {0, samples_in_batch(index)}, ids);
    hash.update(ids.data(), ids.size() * sizeof(int64_t));
  }
  return hash.hex_digest();
}

}  // namespace lockstep
