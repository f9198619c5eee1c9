// Multiply-adds and nothing else: what a core can do at most.
#pragma once

#include <cstdint>

#include "trainer/model/kernels/simd.h"

namespace lockstep {

template <class S>
struct PeakLoops {
  /// Keeps twelve sums in registers, more than any processor needs to hide an addition's latency.
  /// Returns how many floating-point operations were done; `result` keeps them from being removed.
  static double multiply_add(int64_t rounds, float* result) {
    using Vec = typename S::Vec;
    constexpr int kSums = 12;
    const Vec factor = S::all(result[0]), addend = S::all(result[1]);
    Vec sums[kSums];  // all different, or the compiler would keep one of them
    for (int i = 0; i < kSums; ++i) sums[i] = S::all(static_cast<float>(i));
    for (int64_t round = 0; round < rounds; ++round) {
      for (int i = 0; i < kSums; ++i) sums[i] = sums[i] * factor + addend;
    }
    Vec sum{};
    for (int i = 0; i < kSums; ++i) sum += sums[i];
    result[0] = sum[0];
    return 2.0 * kSums * S::kWidth * static_cast<double>(rounds);
  }
};

}  // namespace lockstep
