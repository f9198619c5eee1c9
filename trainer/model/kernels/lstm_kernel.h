// An LSTM layer on a CPU: the loop over time, forward and backward, and the matrix products that
// are made for many steps at once.
//
// The layer computes, per step (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000),
//   [i f g o] = x_t W_ih^T + b + h_{t-1} W_hh^T        (PyTorch's gate order)
//   c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g)
//   h_t = sigmoid(o) tanh(c_t)
// The product with x_t does not depend on the step before, so it is made for many steps at once; so
// are the gradients of x and of the weights. The recurrent product runs inside the loop over time,
// with the pointwise part done while its result is still in registers. All run on weights packed
// for them.
//
// T time, B batch, H hidden, I inputs, N rows: the real steps of all sequences, step by step, in
// each step the sequences that still run, longest first. Row first_row[t] + b is step t of sequence
// b; first_row has T + 1 entries. Arrays are contiguous float32, except *left operands*: rows of
// `words(depth)` 32-bit words, which are the floats themselves or pairs of bfloat16.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lockstep {

struct LstmForwardArguments {
  int64_t begin = 0, end = 0;  ///< steps
  int64_t hidden = 0;
  const int64_t* first_row = nullptr;
  const float* packed_weights = nullptr;  ///< W_hh, from pack_forward
  const float* initial_h_BH = nullptr;    ///< left operand; null: zeros
  const float* initial_c_BH = nullptr;    ///< null: zeros
  float* gates_N4H = nullptr;             ///< in: x W_ih^T + b; out: the activated gates
  float* c_NH = nullptr;                  ///< out: cell states
  float* tanh_c_NH = nullptr;             ///< out: tanh of them, for the backward pass
  float* h_NH = nullptr;                  ///< out: hidden states
  float* left_h_NH = nullptr;             ///< out, pairs only: they as a left operand
};

struct LstmBackwardArguments {
  int64_t begin = 0, end = 0;  ///< steps, from the last one to the first one
  int64_t time = 0;            ///< all steps
  int64_t hidden = 0;
  const int64_t* first_row = nullptr;
  const float* packed_weights = nullptr;  ///< W_hh, from pack_backward
  const float* initial_c_BH = nullptr;    ///< null: zeros
  const float* c_NH = nullptr;
  const float* tanh_c_NH = nullptr;
  const float* grad_h_NH = nullptr;  ///< gradient of each h_t from above; null: zeros
  float* gates_N4H = nullptr;        ///< in: activated gates; out: gradient before the activation
  float* left_gates_N4H = nullptr;   ///< out, pairs only: the gradients as a left operand
  /// In: gradient of each sequence's last c; out: of its c before step `begin`.
  float* grad_c_BH = nullptr;
  float* grad_initial_h_BH = nullptr;  ///< out of initial_gradient
};

/// out [rows, columns] = left [rows, depth] times packed weights, plus bias.
struct LstmProductArguments {
  int64_t rows = 0;
  int64_t depth = 0;    ///< of the product, in values
  int64_t columns = 0;  ///< of multiply_gates: hidden cells, so that there are four times as many
  const float* left = nullptr;
  const float* packed_weights = nullptr;
  const float* bias = nullptr;  ///< of multiply_gates only
  float* out = nullptr;
};

/// out [left_columns, right_columns] (+)= left^T right, both packed, `depth` rows deep.
struct LstmOuterArguments {
  int64_t depth = 0;  ///< as outer_depth counts
  int64_t left_columns = 0;
  int64_t right_columns = 0;
  const float* packed_left = nullptr;
  const float* packed_right = nullptr;
  float* out = nullptr;
  bool add = false;  ///< to what `out` holds
};

/// Some rows of an operand of an outer product on their way into its packed form. Rows are packed
/// in the order of `at`. Up to kOuterSlack floats behind a left operand's last row are read (and do
/// not matter).
inline constexpr int64_t kOuterSlack = 16;
struct LstmOuterRows {
  const float* source = nullptr;  ///< [rows, columns]; of a right operand null: zeros
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t at = 0;     ///< rows that lie before these, as outer_depth counts
  int64_t depth = 0;  ///< rows of the whole operand, as outer_depth counts
  float* packed = nullptr;
  float* column_sums = nullptr;  ///< of a left operand: the rows are added to it; null: not wanted
};

/// The functions of one implementation. Functions that take `begin` and `end` work on a range of
/// blocks of columns, so that threads can share a product; each block's result is always the same.
struct LstmKernel {
  bool pairs;  ///< left operands are pairs of bfloat16, made by `to_left`

  int64_t (*words)(int64_t depth);
  void (*to_left)(const float* rows, int64_t count, int64_t depth, float* left);

  /// Sizes, in floats, of packed weights.
  int64_t (*packed_forward_size)(int64_t hidden, int64_t depth);
  int64_t (*packed_backward_size)(int64_t depth, int64_t columns);
  /// From PyTorch's weights: [4H, depth] for `forward` and `multiply_gates`.
  void (*pack_forward)(const float* weight, int64_t hidden, int64_t depth, float* packed);
  /// [depth, columns] for `backward` and `multiply` (depth 4H).
  void (*pack_backward)(const float* weight, int64_t depth, int64_t columns, float* packed);

  void (*forward)(const LstmForwardArguments& arguments);
  void (*backward)(const LstmBackwardArguments& arguments);
  /// Gradient of the initial h, after `backward` down to step 0.
  void (*initial_gradient)(const LstmBackwardArguments& arguments);

  int64_t (*gate_blocks)(int64_t hidden);
  void (*multiply_gates)(const LstmProductArguments& arguments, int64_t begin, int64_t end);
  int64_t (*column_blocks)(int64_t columns);
  void (*multiply)(const LstmProductArguments& arguments, int64_t begin, int64_t end);

  int64_t (*outer_depth)(int64_t rows);  ///< what some rows take in a packed operand
  int64_t (*outer_left_size)(int64_t depth, int64_t columns);
  int64_t (*outer_right_size)(int64_t depth, int64_t columns);
  void (*pack_outer_left)(const LstmOuterRows& rows);
  void (*pack_outer_right)(const LstmOuterRows& rows);
  int64_t (*outer_blocks)(int64_t left_columns);
  void (*multiply_outer)(const LstmOuterArguments& arguments, int64_t begin, int64_t end);
};

}  // namespace lockstep
