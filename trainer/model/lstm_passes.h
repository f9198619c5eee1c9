// The forward and the backward pass of an LSTM layer on packed rows, by our CPU kernel.
#pragma once

#include "trainer/model/libtorch.h"

#include "trainer/model/kernels/lstm_kernel.h"
#include "trainer/model/packed_rows.h"

namespace lockstep {

/// Memory for one layer's passes; it only grows.
class LstmMemory {
 public:
  /// The first `count` floats of a buffer that is at least that long.
  class Buffer {
   public:
    float* of(int64_t count);

   private:
    torch::Tensor values_;
  };

  PackedRows rows;
  Buffer x, h, initial_h, initial_c;                            ///< packed copies, when not dense
  Buffer grad_h, grad_x, grad_initial_h;                        ///< the same
  Buffer bias, gates, cells, tanh_cells, grad_cells;            ///< kept from forward to backward
  Buffer left_x, left_h, left_initial_h, left_gates;            ///< when they are pairs of bfloat16
  Buffer weight_ih, weight_hh, weight_ih_back, weight_hh_back;  ///< packed
  Buffer outer_gates, outer_x, outer_h;                         ///< packed
  bool holds_activations = false;

  /// How often a buffer of any layer had to grow, in this process: stands still in a steady state.
  static int64_t growths();
};

/// One pass's operands, in the order of the packed rows; null pointers stand for zeros.
struct LstmPass {
  const LstmKernel& kernel;
  LstmMemory& memory;
  int64_t inputs = 0;
  int64_t hidden = 0;
  const float* x_NI = nullptr;
  const float* initial_h_BH = nullptr;
  const float* initial_c_BH = nullptr;
  const float* weight_ih = nullptr;
  const float* weight_hh = nullptr;
};

/// Fills memory.gates, cells and tanh_cells, and h. `bias`: both biases' sum.
void run_lstm_forward(const LstmPass& pass, const float* bias, float* h_NH);

/// All are overwritten; null: not wanted.
struct LstmGradients {
  float* x_NI = nullptr;
  float* initial_h_BH = nullptr;
  float* weight_ih = nullptr;
  float* weight_hh = nullptr;
  float* bias = nullptr;
};

/// `grad_c_BH` holds the gradient of the last cell state and gets that of the initial one.
void run_lstm_backward(const LstmPass& pass, const float* h_NH, const float* grad_h_NH,
                       float* grad_c_BH, const LstmGradients& gradients);

}  // namespace lockstep
