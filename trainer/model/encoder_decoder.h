// From one sequence to another: an encoder reads the first, a decoder with attention writes the
// second.
#pragma once

#include "trainer/model/libtorch.h"

#include <vector>

#include "trainer/model/attention.h"
#include "trainer/model/dropout.h"
#include "trainer/model/lstm_stack.h"
#include "trainer/model/model_config.h"

namespace lockstep {

struct EncoderDecoderSizes {
  int64_t source_symbols = 0;  ///< 0: the source is numbers
  int64_t features = 0;        ///< of such a source
  int64_t target_symbols = 0;
};

/// Where the decoder stands in each of a number of texts it writes.
struct DecoderState {
  LstmState first, second;

  /// Goes on as these of the texts, int64 [N].
  DecoderState select(const torch::Tensor& texts) const;
};

/// A source, read.
struct Encoded {
  AttentionMemory memory;
  DecoderState begin;
};

/// The decoder has two LSTMs. The outputs of the first are the queries of the attention, and the
/// second reads them beside what the attention answers: so no step waits for the attention of the
/// step before, and all steps of a known text are computed together. What the second reads also
/// goes past it, through a matrix, to its output: the gradient then reaches the attention directly,
/// which finds out sooner what belongs together.
class EncoderDecoderImpl : public torch::nn::Module {
 public:
  EncoderDecoderImpl(const EncoderDecoderSizes& sizes, const ModelConfig& config);

  /// Symbols [T, B], or numbers [T, B, F].
  Encoded encode(const torch::Tensor& inputs, const Lengths& lengths, const DropoutKey& key);

  /// What the output layer gets, [U, N, H], in texts that have `previous` [U, N] before each of
  /// their symbols. Each of B sources has N / B such texts, side by side. `state` is where they
  /// begin and, afterwards, without a graph, where they stand. `weights_NUT`, when asked for, are
  /// the attention's; then N must be B.
  torch::Tensor decode(const torch::Tensor& previous_UN, const AttentionMemory& memory,
                       DecoderState& state, const DropoutKey& key,
                       torch::Tensor* weights_NUT = nullptr);

  /// Sum of the cross-entropies of targets [N]; those of padding count nothing.
  torch::Tensor loss(const torch::Tensor& hidden_NH, const torch::Tensor& targets_N,
                     const DropoutKey& key) const;
  /// [N, H] -> [N, V].
  torch::Tensor logits(const torch::Tensor& hidden_NH) const;

  int64_t embedding_size() const { return embedding_size_; }

 private:
  torch::Tensor embed(const torch::Tensor& symbols, const torch::Tensor& embedding_VE,
                      const DropoutKey& key, int site) const;

  ModelConfig config_;
  int64_t embedding_size_;
  torch::Tensor source_VE_, target_VE_, output_VH_, bias_V_;
  torch::Tensor bridge_2HM_, bridge_2H_;  ///< from the encoder's last states to where LSTMs begin
  torch::Tensor skip_HX_;                 ///< X: what the second LSTM reads
  LstmStack encoder_{nullptr}, first_{nullptr}, second_{nullptr};
  Attention attention_{nullptr};
};
TORCH_MODULE(EncoderDecoder);

}  // namespace lockstep
