// How many numbers stand for a symbol.
#pragma once

#include <cstdint>

#include "trainer/model/model_config.h"

namespace lockstep {

/// `model.embedding_size`, or as many as the LSTM has hidden units.
inline int64_t embedding_size_of(const ModelConfig& config) {
  return config.embedding_size > 0 ? config.embedding_size : config.hidden_size;
}

}  // namespace lockstep
