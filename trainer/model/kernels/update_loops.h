// The loops of update_kernel.h, written so that the compiler vectorises them; `Isa` only keeps the
// instantiations of different translation units apart.
#pragma once

#include <algorithm>
#include <cmath>

#include "trainer/model/kernels/update_kernel.h"

namespace lockstep {

template <class Isa>
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

  /// 16 sums side by side, joined in double every block: fast, and always in the same order.
  static double sum_of_squares(const float* values, size_t count) {
    constexpr size_t kLanes = 16;
    constexpr size_t kBlock = 1024;
    double total = 0;
    for (size_t begin = 0; begin < count; begin += kBlock) {
      const size_t end = std::min(count, begin + kBlock);
      float sums[kLanes] = {};
      size_t i = begin;
      for (; i + kLanes <= end; i += kLanes) {
        for (size_t lane = 0; lane < kLanes; ++lane)
          sums[lane] += values[i + lane] * values[i + lane];
      }
      for (; i < end; ++i) sums[0] += values[i] * values[i];
      for (const float sum : sums) total += sum;
    }
    return total;
  }
};

template <class Isa>
constexpr UpdateKernel make_update_kernel() {
  return {&UpdateLoops<Isa>::adam, &UpdateLoops<Isa>::sgd, &UpdateLoops<Isa>::sum_of_squares};
}

}  // namespace lockstep
