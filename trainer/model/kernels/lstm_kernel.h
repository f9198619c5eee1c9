// The serial part of an LSTM layer on a CPU: the loop over time, forward and backward.
//
// The layer computes, per step (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000),
//   [i f g o] = x_t W_ih^T + b + h_{t-1} W_hh^T        (PyTorch's gate order)
//   c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g)
//   h_t = sigmoid(o) tanh(c_t)
// The product with x_t does not depend on the step before, so the caller makes it for all steps at
// once; so are the weight gradients. What is left here is the recurrent product, on weights packed
// for it, with the pointwise part done while its result is still in registers.
//
// T time, B batch, H hidden. All arrays are contiguous float32.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lockstep {

struct LstmForwardArguments {
  int64_t time = 0;
  int64_t batch = 0;
  int64_t hidden = 0;
  const float* packed_weights = nullptr;  ///< from pack_forward
  const float* initial_h_BH = nullptr;    ///< null: zeros
  const float* initial_c_BH = nullptr;    ///< null: zeros
  float* gates_TB4H = nullptr;            ///< in: x W_ih^T + b; out: the activated gates
  float* c_TBH = nullptr;                 ///< out: cell states
  float* tanh_c_TBH = nullptr;            ///< out: tanh of them, for the backward pass
  float* h_TBH = nullptr;                 ///< out: hidden states
};

struct LstmBackwardArguments {
  int64_t time = 0;
  int64_t batch = 0;
  int64_t hidden = 0;
  const float* packed_weights = nullptr;  ///< from pack_backward
  const float* initial_c_BH = nullptr;    ///< null: zeros
  const float* c_TBH = nullptr;
  const float* tanh_c_TBH = nullptr;
  const float* grad_h_TBH = nullptr;      ///< gradient of each h_t from above; null: zeros
  const float* grad_last_h_BH = nullptr;  ///< more gradient of the last h; null: zeros
  float* gates_TB4H = nullptr;  ///< in: activated gates; out: gradient before the activation
  float* grad_c_BH = nullptr;   ///< in: gradient of the last c; out: gradient of the initial c
  float* grad_initial_h_BH = nullptr;  ///< out, when wanted; null: not wanted
};

/// The functions of one implementation.
struct LstmKernel {
  /// Sizes, in floats, of the packed weights of either direction.
  size_t (*packed_forward_size)(int64_t hidden);
  size_t (*packed_backward_size)(int64_t hidden);
  /// From PyTorch's weight_hh [4H, H].
  void (*pack_forward)(const float* weight_hh, int64_t hidden, float* packed);
  void (*pack_backward)(const float* weight_hh, int64_t hidden, float* packed);

  void (*forward)(const LstmForwardArguments& arguments);
  void (*backward)(const LstmBackwardArguments& arguments);
};

}  // namespace lockstep
