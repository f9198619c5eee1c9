// Attention: for every query a mean of what an encoder wrote, weighted by how well each step fits.
#pragma once

#include "trainer/model/libtorch.h"

#include <string>

#include "trainer/model/lstm_stack.h"

namespace lockstep {

/// What queries read; made once for a batch of sequences.
struct AttentionMemory {
  torch::Tensor keys_BTH;     ///< what queries are compared with
  torch::Tensor values_BTM;   ///< what is averaged
  torch::Tensor padding_B1T;  ///< true behind a sequence's end; undefined when all are as long

  int64_t size() const { return values_BTM.size(0); }
  /// Of these sequences only, int64 [N].
  AttentionMemory select(const torch::Tensor& sequences) const;
};

struct AttentionOutput {
  torch::Tensor context_BQM;
  torch::Tensor weights_BQT;  ///< their sum over the time is one; zero in the padding
};

/// `additive` scores a query q and a key k by v tanh(W q + k) (Bahdanau et al. 2015),
/// `multiplicative` by q k (Luong et al. 2015, "general": keys are a matrix times the values). The
/// first keeps a value for each query, key and unit for the way back, so it takes more memory and
/// time.
class AttentionImpl : public torch::nn::Module {
 public:
  AttentionImpl(const std::string& kind, int64_t query_size, int64_t memory_size);

  /// y [T, B, M], of which sequences have `lengths` real steps.
  AttentionMemory prepare(const torch::Tensor& y_TBM, const Lengths& lengths) const;
  /// query [B, Q, H]: Q queries for each sequence of the memory.
  AttentionOutput forward(const torch::Tensor& query_BQH, const AttentionMemory& memory) const;

 private:
  torch::Tensor key_HM_;                       ///< from values to keys
  torch::Tensor query_HH_, bias_H_, score_H_;  ///< additive only
};
TORCH_MODULE(Attention);

}  // namespace lockstep
