// Cross-entropy of the right one of very many items, from a sample of the others.
#pragma once

#include "trainer/model/libtorch.h"

namespace lockstep {

/// Items that stand for all, drawn with replacement: item i with the probability q_i.
struct SampledItems {
  torch::Tensor numbers_S;     ///< int64
  torch::Tensor correction_S;  ///< -log(S q_i), float32
};

/// Sum over rows of log(e^t + sum over samples of e^(s + correction)) - t, where t is the row's
/// `target_logits`, s the product of its hidden vector with a sample's row of `sample_weight`, and
/// samples that are the row's own target are left out: an estimate of the softmax over all items
/// by importance sampling (Bengio & Senecal 2008), which it becomes as the sample grows. On the CPU
/// some rows of logits are made at a time, and their gradient takes their place at once.
torch::Tensor sampled_cross_entropy(const torch::Tensor& hidden_NE,
                                    const torch::Tensor& sample_weight_SE,
                                    const torch::Tensor& target_logits_N,
                                    const torch::Tensor& targets_N, const SampledItems& sample);

}  // namespace lockstep
