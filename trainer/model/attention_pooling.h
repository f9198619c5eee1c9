// A sequence as one vector: the mean of its steps, weighted by what the network finds important.
#pragma once

#include "trainer/model/libtorch.h"

#include <string>

#include "trainer/model/lstm_stack.h"

namespace lockstep {

/// Step t weighs in proportion to exp(score). `additive` scores y by v tanh(W y + b) (Yang et al.
/// 2016), `multiplicative` by q y; v and q are learned.
class AttentionPoolingImpl : public torch::nn::Module {
 public:
  AttentionPoolingImpl(const std::string& kind, int64_t size);

  /// [T, B, F] -> [B, F], over the real steps only, whatever stands in the padding.
  torch::Tensor forward(const torch::Tensor& y_TBF, const Lengths& lengths) const;

 private:
  torch::Tensor weight_FF_, bias_F_;  ///< additive only
  torch::Tensor score_F_;
};
TORCH_MODULE(AttentionPooling);

}  // namespace lockstep
