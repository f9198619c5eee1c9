// The network that most tasks on sequences share: embedding of symbols, LSTM layers, linear layer.
#pragma once

#include "trainer/model/libtorch.h"

#include <nlohmann/json.hpp>
#include <string>

#include "trainer/model/dropout.h"
#include "trainer/model/lstm_stack.h"
#include "trainer/model/model_config.h"

namespace lockstep {

/// Parameters are named embedding_weight (symbols only), lstm.* and output.*, as a PyTorch module
/// with these members names them. Inputs are [T, B, F], or [T, B] symbols.
class SequenceNetworkImpl : public torch::nn::Module {
 public:
  /// `inputs` is what describe_inputs() gave. Networks side by side tell their dropout apart by
  /// `number`.
  SequenceNetworkImpl(const nlohmann::json& inputs, int64_t outputs, const ModelConfig& config,
                      int number = 0);

  /// What stands for each sequence, [B, outputs].
  torch::Tensor of_sequences(const torch::Tensor& inputs, Lengths lengths, const DropoutKey& key);
  /// What stands for each step, [T, B, outputs]; `lengths` become those of the steps, of which
  /// there are fewer with `join_steps`. `states`: as LstmStack::forward() has them, for inputs that
  /// come bit by bit, where can_stream().
  torch::Tensor of_steps(const torch::Tensor& inputs, Lengths& lengths, const DropoutKey& key,
                         std::vector<LstmState>* states = nullptr);
  /// Whether no step depends on later ones.
  bool can_stream() const { return !config_.bidirectional && config_.context == 0; }

  /// "embedding 50 -> 32, bidirectional 2 x lstm 32 -> 64".
  std::string summary() const;
  bool reads_symbols() const { return vocabulary_ > 0; }

 private:
  torch::Tensor read(const torch::Tensor& inputs, Lengths& lengths, const DropoutKey& key,
                     std::vector<LstmState>* states = nullptr);
  torch::Tensor embed(const torch::Tensor& symbols_TB, const Lengths& lengths,
                      const DropoutKey& key);
  torch::Tensor join_steps(const torch::Tensor& x_TBF, Lengths& lengths) const;
  int site(int place) const;

  ModelConfig config_;
  int number_;
  int64_t vocabulary_;  ///< 0: inputs are numbers
  int64_t features_;    ///< of a step, without its context
  torch::Tensor embedding_VF_, complement_V_;
  LstmStack lstm_{nullptr};
  torch::nn::Linear output_{nullptr};
};
TORCH_MODULE(SequenceNetwork);

/// Which samples of the step are read from the other strand, [B]; undefined when none can be.
torch::Tensor reversed_samples(const ModelConfig& config, const nlohmann::json& inputs,
                               const DropoutKey& key);

}  // namespace lockstep
