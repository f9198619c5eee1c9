// One LSTM layer on our CPU kernel, as a node of LibTorch's autograd.
#pragma once

#include "trainer/model/libtorch.h"

#include <memory>
#include <vector>

namespace lockstep {

/// Weights of one direction of one layer, shaped and ordered as PyTorch's: gates i, f, g, o.
struct LstmWeights {
  torch::Tensor weight_ih;  ///< [4H, I]
  torch::Tensor weight_hh;  ///< [4H, H]
  torch::Tensor bias_ih;    ///< [4H]
  torch::Tensor bias_hh;    ///< [4H]

  int64_t hidden() const { return weight_hh.size(1); }
};

/// Initial state; undefined tensors stand for zeros.
struct LstmState {
  torch::Tensor h_BH;
  torch::Tensor c_BH;
};

struct LstmOutput {
  torch::Tensor h_TBH;  ///< every step's hidden state
  torch::Tensor last_c_BH;
};

/// Memory that a forward pass fills for its backward pass, taken from a pool and given back when
/// the autograd node goes, so that a steady state allocates none of it.
class LstmWorkspacePool {
 public:
  LstmWorkspacePool();
  ~LstmWorkspacePool();
  struct Workspace;
  struct Shared;
  std::shared_ptr<Workspace> take();

 private:
  std::shared_ptr<Shared> shared_;
};

struct LstmCpuOptions {
  /// Sequence lengths; empty: all have T steps. Padding is neither read nor computed on: outputs
  /// and gradients are zero there, and last_c is each sequence's own last one.
  std::vector<int64_t> lengths;
  /// Operands of the matrix products are rounded to bfloat16; sums, states, weights and gradients
  /// stay float32.
  bool bfloat16 = false;
};

/// float32, CPU.
LstmOutput lstm_cpu(const torch::Tensor& x_TBI, const LstmState& initial,
                    const LstmWeights& weights, LstmWorkspacePool& pool,
                    const LstmCpuOptions& options = {});

}  // namespace lockstep
