// The loops of update_kernel.h for one vector type; the compiler vectorises the plain ones.
#pragma once

#include <algorithm>
#include <cmath>

#include "trainer/model/kernels/simd.h"
#include "trainer/model/kernels/update_kernel.h"

namespace lockstep {

template <class S>
struct UpdateLoops {
  static void adam(const AdamArguments& arguments) {
    const AdamArguments a = arguments;  // a copy: stores through p cannot change it
    float* __restrict p = a.parameters;
    const float* __restrict gradients = a.gradients;
    float* __restrict mean = a.mean;
    float* __restrict square = a.square;
    const float keep_mean = 1 - a.beta1;
    const float keep_square = 1 - a.beta2;
    for (size_t i = 0; i < a.count; ++i) {
      const float g = gradients[i] * a.gradient_scale + a.l2 * p[i];
      const float m = a.beta1 * mean[i] + keep_mean * g;
      const float v = a.beta2 * square[i] + keep_square * g * g;
      mean[i] = m;
      square[i] = v;
      p[i] = p[i] * a.decay - a.step_size * m / (std::sqrt(v) * a.square_correction + a.epsilon);
    }
  }

  static void sgd(const SgdArguments& arguments) {
    const SgdArguments a = arguments;
    float* __restrict p = a.parameters;
    const float* __restrict gradients = a.gradients;
    if (a.velocity == nullptr) {
      for (size_t i = 0; i < a.count; ++i) {
        p[i] -= a.learning_rate * (gradients[i] * a.gradient_scale + a.l2 * p[i]);
      }
      return;
    }
    float* __restrict velocity = a.velocity;
    for (size_t i = 0; i < a.count; ++i) {
      velocity[i] = a.momentum * velocity[i] + gradients[i] * a.gradient_scale + a.l2 * p[i];
      p[i] -= a.learning_rate * velocity[i];
    }
  }

  static void adagrad(const AdagradArguments& arguments) {
    const AdagradArguments a = arguments;
    float* __restrict p = a.parameters;
    const float* __restrict gradients = a.gradients;
    float* __restrict sum = a.sum;
    for (size_t i = 0; i < a.count; ++i) {
      const float g = gradients[i] * a.gradient_scale + a.l2 * p[i];
      sum[i] += g * g;
      p[i] -= a.learning_rate * g / (std::sqrt(sum[i]) + a.epsilon);
    }
  }

  static void rmsprop(const RmspropArguments& arguments) {
    const RmspropArguments a = arguments;
    float* __restrict p = a.parameters;
    const float* __restrict gradients = a.gradients;
    float* __restrict square = a.square;
    float* __restrict velocity = a.velocity;
    const float keep = 1 - a.smoothing;
    for (size_t i = 0; i < a.count; ++i) {
      const float g = gradients[i] * a.gradient_scale + a.l2 * p[i];
      square[i] = a.smoothing * square[i] + keep * g * g;
      float step = g / (std::sqrt(square[i]) + a.epsilon);
      if (velocity != nullptr) {
        step += a.momentum * velocity[i];
        velocity[i] = step;
      }
      p[i] -= a.learning_rate * step;
    }
  }

  /// Four vectors of sums side by side, joined in double every block: fast, and always in the same
  /// order.
  static double sum_of_squares(const float* values, size_t count) {
    using Vec = typename S::Vec;
    constexpr size_t kStride = 4 * S::kWidth;
    constexpr size_t kBlock = 64 * kStride;
    double total = 0;
    size_t i = 0;
    for (; i + kStride <= count;) {
      const size_t end = std::min(count - count % kStride, i + kBlock);
      Vec sums[4] = {};
      for (; i < end; i += kStride) {
        for (size_t part = 0; part < 4; ++part) {
          const Vec v = S::load(values + i + part * S::kWidth);
          sums[part] += v * v;
        }
      }
      const Vec sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
      for (int lane = 0; lane < S::kWidth; ++lane) total += sum[lane];
    }
    for (; i < count; ++i) total += static_cast<double>(values[i]) * values[i];
    return total;
  }
};

template <class S>
constexpr UpdateKernel make_update_kernel() {
  return {&UpdateLoops<S>::adam, &UpdateLoops<S>::sgd, &UpdateLoops<S>::adagrad,
          &UpdateLoops<S>::rmsprop, &UpdateLoops<S>::sum_of_squares};
}

}  // namespace lockstep
