// The loops of softmax_kernel.h for one vector type.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "trainer/model/kernels/activations.h"
#include "trainer/model/kernels/simd.h"
#include "trainer/model/kernels/softmax_kernel.h"

namespace lockstep {

template <class S>
class SoftmaxLoops {
  using Vec = typename S::Vec;
  static constexpr int64_t kBlock = 64 * S::kWidth;

 public:
  static double cross_entropy(float* logits, int64_t classes, int64_t target, bool gradient) {
    const double wanted = logits[target];
    const float most = largest(logits, classes);
    double sum = 0;
    for (int64_t begin = 0; begin < classes; begin += kBlock) {
      sum += exponentials(logits + begin, std::min(kBlock, classes - begin), most, gradient);
    }
    if (gradient) {
      const auto scale = static_cast<float>(1 / sum);
      for (int64_t i = 0; i < classes; ++i) logits[i] *= scale;
      logits[target] -= 1;
    }
    return static_cast<double>(most) + std::log(sum) - wanted;
  }

 private:
  static float largest(const float* values, int64_t count) {
    Vec most = S::all(-std::numeric_limits<float>::infinity());
    int64_t i = 0;
    for (; i + S::kWidth <= count; i += S::kWidth) most = S::max(S::load(values + i), most);
    float largest = -std::numeric_limits<float>::infinity();
    for (int k = 0; k < S::kWidth; ++k) largest = std::max(largest, most[k]);
    for (; i < count; ++i) largest = std::max(largest, values[i]);
    return largest;
  }

  /// Sum of e^(value - most) over a block; with `store` they take the values' places.
  static double exponentials(float* values, int64_t count, float most, bool store) {
    Vec sums{};
    int64_t i = 0;
    for (; i + S::kWidth <= count; i += S::kWidth) {
      const Vec e = exponential<S>(S::load(values + i) - S::all(most));
      if (store) S::store(values + i, e);
      sums += e;
    }
    double sum = 0;
    for (int k = 0; k < S::kWidth; ++k) sum += static_cast<double>(sums[k]);
    if (i == count) return sum;
    const Vec rest = exponential<S>(S::load_part(values + i, count - i) - S::all(most));
    if (store) S::store_part(values + i, rest, count - i);
    for (int64_t k = 0; k < count - i; ++k) sum += static_cast<double>(rest[k]);
    return sum;
  }
};

template <class S>
constexpr SoftmaxKernel make_softmax_kernel() {
  return {&SoftmaxLoops<S>::cross_entropy};
}

}  // namespace lockstep
