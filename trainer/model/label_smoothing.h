// Label smoothing is for training: held-out losses are those of the true labels.
#pragma once

#include "trainer/model/dropout.h"
#include "trainer/model/linear_cross_entropy.h"
#include "trainer/model/model_config.h"

namespace lockstep {

/// The share that counts in this step.
inline double smoothing(const ModelConfig& config, const DropoutKey& key) {
  return key.training ? config.label_smoothing : 0;
}

/// Of an output layer over symbols in this step.
inline LinearCrossEntropyOptions output_options(const ModelConfig& config, const DropoutKey& key) {
  return {smoothing(config, key), config.precision == "bfloat16"};
}

}  // namespace lockstep
