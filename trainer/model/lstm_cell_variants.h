// What an LSTM layer can have besides the plain cell: more parameters, fewer gates, masks. What
// only changes the weights stays with the kernels; the rest is computed step by step, by LibTorch.
#pragma once

#include "trainer/model/libtorch.h"

#include <functional>
#include <string>
#include <vector>

#include "trainer/model/dropout.h"
#include "trainer/model/lstm_cpu.h"
#include "trainer/model/model_config.h"

namespace lockstep {

/// One direction of one layer. G stands for the gates' rows: 4H, or 3H where the forget gate is
/// coupled and has none. P outputs: H, or as many as are projected to.
struct VariantWeights : LstmWeights {
  torch::Tensor projection_PH;            ///< weight_hr of torch.nn.LSTM
  torch::Tensor peephole;                 ///< of the gates i, f (not coupled) and o, H each
  torch::Tensor norm_ih_G, norm_hh_G;     ///< gains; their biases are those of the gates
  torch::Tensor norm_c_H, norm_c_bias_H;  ///< of the cells
};

/// P.
int64_t lstm_outputs(const ModelConfig& config);

/// Makes fresh parameters of LibTorch's generator and hands each to `add(name, values)`, which
/// gives back what to compute with.
VariantWeights make_lstm_weights(
    const ModelConfig& config, int64_t input_size,
    const std::function<torch::Tensor(const std::string&, torch::Tensor)>& add);

/// Whether the kernels cannot compute the layer.
bool needs_steps(const ModelConfig& config, bool training);

/// What tells the masks of one direction of one layer from all others.
struct MaskPlace {
  const DropoutKey& key;
  int layer_site = 0;  ///< of the dropout below the layer
  int direction = 0;
};

/// Weights of all four gates, for the kernels: without recurrent weights that are dropped, with
/// rows for a coupled forget gate, and with one that is always open where there should be none.
LstmWeights plain_weights(const VariantWeights& own, const ModelConfig& config,
                          const MaskPlace& place);

/// x [T, B, I]. `lengths` empty: all sequences are as long as the batch. Else only their real steps
/// are computed, outputs in the padding are zeros whatever stands there in x, and no last cell
/// states are given back.
LstmOutput lstm_steps(const torch::Tensor& x_TBI, const std::vector<int64_t>& lengths,
                      const VariantWeights& own, const LstmState& initial,
                      const ModelConfig& config, const MaskPlace& place);

}  // namespace lockstep
