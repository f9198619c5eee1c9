// Random numbers as pure functions of what they are for: no state to save, the same everywhere.
#pragma once

#include <cstdint>

namespace lockstep {

/// Steele, Lea and Flood's finaliser (SplitMix64): a bijection of 64 bits that looks random.
constexpr uint64_t mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// A random 64-bit number for a path of numbers, such as (seed, epoch, sample).
template <class... Rest>
constexpr uint64_t mix64(uint64_t first, uint64_t second, Rest... rest) {
  return mix64(mix64(first) ^ second, static_cast<uint64_t>(rest)...);
}

/// A small generator for the many draws behind one generated sample.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() { return mix64(state_++); }
  /// In [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// In [0, count); `count` is far below 2^32, so the bias of the multiplication is too.
  uint64_t below(uint64_t count) { return ((next() >> 32) * count) >> 32; }
  /// About normal with deviation 1: the sum of twelve uniforms less six.
  double normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += uniform();
    return sum;
  }

 private:
  uint64_t state_;
};

}  // namespace lockstep
