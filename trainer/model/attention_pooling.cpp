// T time, B batch, F features.
#include "trainer/model/attention_pooling.h"

#include <cmath>

namespace lockstep {

using torch::Tensor;

AttentionPoolingImpl::AttentionPoolingImpl(const std::string& kind, int64_t size) {
  const double bound = 1 / std::sqrt(static_cast<double>(size));
  const auto make = [&](const std::string& name, at::IntArrayRef shape) {
    return register_parameter(name, torch::empty(shape).uniform_(-bound, bound));
  };
  score_F_ = make("score_weight", {size});
  if (kind == "multiplicative") return;
  TORCH_CHECK(kind == "additive", "unknown attention ", kind);
  weight_FF_ = make("weight", {size, size});
  bias_F_ = make("bias", {size});
}

Tensor AttentionPoolingImpl::forward(const Tensor& y_TBF, const Lengths& lengths) const {
  const Tensor real_TB1 = real_steps(lengths, y_TBF);
  const Tensor y = y_TBF.masked_fill(~real_TB1, 0);
  const Tensor keys =
      weight_FF_.defined() ? (torch::matmul(y, weight_FF_.t()) + bias_F_).tanh() : y;
  const Tensor scores_TB =
      torch::matmul(keys, score_F_).masked_fill(~real_TB1.squeeze(2), -INFINITY);
  return (scores_TB.softmax(0).unsqueeze(2) * y).sum(0);
}

}  // namespace lockstep
