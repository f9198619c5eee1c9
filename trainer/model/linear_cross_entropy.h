// Cross-entropy behind a linear layer with many classes: the output layer of a language model.
#pragma once

#include "trainer/model/libtorch.h"

namespace lockstep {

struct LinearCrossEntropyOptions {
  /// s of Szegedy et al. 2016: the wanted distribution is 1 - s at the target plus s / V at every
  /// class.
  double label_smoothing = 0;
  /// CPU only: operands of the products are rounded to bfloat16; sums, losses and gradients stay
  /// float32.
  bool bfloat16 = false;
};

/// Sum over rows of the cross-entropy of hidden [N, H] times weight [V, H] transposed plus bias [V]
/// against targets [N] (int64); rows of kPaddingSymbol count nothing. On the CPU some rows of
/// logits are made at a time, and their gradient takes their place at once: the [N, V] logits are
/// never in memory, and exponentials are computed once.
torch::Tensor linear_cross_entropy(const torch::Tensor& hidden_NH, const torch::Tensor& weight_VH,
                                   const torch::Tensor& bias_V, const torch::Tensor& targets_N,
                                   const LinearCrossEntropyOptions& options = {});

}  // namespace lockstep
