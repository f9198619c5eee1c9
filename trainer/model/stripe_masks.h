// Stripes of a sequence that are hidden from the network while it trains (SpecAugment).
#pragma once

#include "trainer/model/libtorch.h"

#include "trainer/model/dropout.h"
#include "trainer/model/lstm_stack.h"
#include "trainer/model/model_config.h"

namespace lockstep {

/// Sets `masks` stripes of up to `mask_steps` steps and as many of up to `mask_features` features
/// of each sequence to zero (Park et al. 2019, without warping). Width and place are drawn evenly;
/// stripes of steps lie within the sequence and take a quarter of it at most. They depend on
/// (seed, step, sample, site) only, as the masks of dropout() do. x is [T, B, F].
torch::Tensor mask_stripes(const torch::Tensor& x_TBF, const Lengths& lengths,
                           const ModelConfig& config, const DropoutKey& key, int site);

/// True for half of the samples, [B] on the host: a pure function of (seed, step, sample, site).
torch::Tensor coin_of_samples(const DropoutKey& key, int site);

}  // namespace lockstep
