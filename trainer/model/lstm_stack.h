// Layers of LSTMs: one single-layer call each, so that gradients of the upper layers are complete
// while the lower ones still run backward.
#pragma once

#include "trainer/model/libtorch.h"

#include <memory>
#include <vector>

#include "trainer/model/dropout.h"
#include "trainer/model/lstm_cell_variants.h"
#include "trainer/model/lstm_cpu.h"
#include "trainer/model/model_config.h"

namespace lockstep {

/// Sequence lengths of a batch, on the host. Empty stands for "all as long as the batch".
using Lengths = std::vector<int64_t>;

/// Parameters are named as in torch.nn.LSTM (weight_ih_l0, weight_hh_l0_reverse, ...), shaped and,
/// unless the config says otherwise, initialised like there: uniform in +-1/sqrt(hidden size).
class LstmStackImpl : public torch::nn::Module {
 public:
  LstmStackImpl(int64_t input_size, const ModelConfig& config);

  /// x [T, B, input_size] -> [T, B, output_size]. Outputs behind a sequence's end are arbitrary
  /// (zeros where our own kernel runs, which costs nothing for padding).
  /// `first_site` numbers this stack's dropout sites. `states`, one per layer, are where sequences
  /// begin and, afterwards, where they ended (after T steps, without a graph); null: zeros, and
  /// nobody asks. Only for stacks of one direction.
  torch::Tensor forward(const torch::Tensor& x_TBF, const Lengths& lengths, const DropoutKey& key,
                        int first_site = 0, std::vector<LstmState>* states = nullptr);

  int64_t output_size() const { return (config_.bidirectional ? 2 : 1) * lstm_outputs(config_); }

 private:
  VariantWeights make_weights(int64_t input_size, const std::string& suffix);
  LstmOutput run_direction(const torch::Tensor& x_TBF, const Lengths& lengths,
                           const VariantWeights& own, const LstmState& initial,
                           const MaskPlace& place);

  ModelConfig config_;
  std::vector<std::vector<VariantWeights>> layers_;  ///< [layer][direction]
  LstmWorkspacePool pool_;
};
TORCH_MODULE(LstmStack);

/// Each sequence of x [T, B, F] turned round within its own length; padding stays where it is.
torch::Tensor reverse_sequences(const torch::Tensor& x_TBF, const Lengths& lengths);

/// [T, B, 1], true on real steps; T and device as of `like`, [T, B, ...].
torch::Tensor real_steps(const Lengths& lengths, const torch::Tensor& like_TBF);

/// One vector per sequence from a stack's outputs: `last` takes the state after the last real step
/// of each direction, `middle` that of both at step length / 2, `mean` and `max` run over the real
/// steps. [T, B, F] -> [B, F].
torch::Tensor pool_over_time(const torch::Tensor& y_TBF, const Lengths& lengths,
                             const std::string& pooling, bool bidirectional);

}  // namespace lockstep
