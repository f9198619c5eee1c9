// For functions that compute their gradients in the forward pass.
#pragma once

#include "trainer/model/libtorch.h"

namespace lockstep {

/// The saved gradients times that of the function's scalar result, followed by `others` arguments
/// without one.
inline torch::autograd::variable_list ready_gradients(
    torch::autograd::AutogradContext* context, const torch::autograd::variable_list& gradients,
    size_t others) {
  torch::autograd::variable_list saved = context->get_saved_variables();
  const auto scale = gradients[0].item<float>();
  if (scale != 1) {
    for (torch::Tensor& tensor : saved) tensor.mul_(scale);
  }
  saved.resize(saved.size() + others);
  return saved;
}

}  // namespace lockstep
