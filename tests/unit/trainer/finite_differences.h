// Gradients against differences of the function itself.
#pragma once

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <functional>
#include <string>
#include <vector>

namespace lockstep::testing {

/// Expects the gradient of `loss` with respect to each of `inputs` (float64 leaves) to be, along a
/// random direction, the central difference.
inline void expect_gradients_by_differences(const std::function<torch::Tensor()>& loss,
                                            const std::vector<torch::Tensor>& inputs,
                                            const std::string& what) {
  constexpr double kStep = 1e-6;
  const auto gradients = torch::autograd::grad({loss()}, inputs);
  torch::NoGradGuard no_grad;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const torch::Tensor input = inputs[i], direction = torch::randn_like(input);
    input.add_(direction, kStep);
    const double above = loss().item<double>();
    input.sub_(direction, 2 * kStep);
    const double below = loss().item<double>();
    input.add_(direction, kStep);
    EXPECT_NEAR((above - below) / (2 * kStep), (gradients[i] * direction).sum().item<double>(),
                1e-6)
        << what << ", input " << i;
  }
}

}  // namespace lockstep::testing
