#include "trainer/weight_average.h"

#include <algorithm>

namespace lockstep {

WeightAverage::WeightAverage(double decay, FlatBuffers& buffers)
    : decay_(decay), buffers_(buffers) {
  torch::NoGradGuard no_grad;
  if (active()) average_ = buffers.parameters().clone();
}

void WeightAverage::update(int64_t step) {
  if (!active()) return;
  torch::NoGradGuard no_grad;
  const auto n = static_cast<double>(step);
  const double decay = std::min(decay_, (1 + n) / (10 + n));
  average_.lerp_(buffers_.parameters(), 1 - decay);
}

void WeightAverage::swap() {
  if (!active()) return;
  torch::NoGradGuard no_grad;
  const torch::Tensor trained = buffers_.parameters().clone();
  buffers_.parameters().copy_(average_);
  average_.copy_(trained);
}

}  // namespace lockstep
