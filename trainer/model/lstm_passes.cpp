#include "trainer/model/lstm_passes.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>

#include "trainer/model/share_blocks.h"

namespace lockstep {
namespace {

std::atomic<int64_t> buffer_growths{0};

/// Rows that products take at once: enough that reading the weights costs little, few enough that
/// the rows' gates are still in a cache when the next product reads them.
constexpr int64_t kRowsAtOnce = 128;

/// Rows that a product of weight gradients takes at once: each such product reads and writes all
/// of the gradient.
constexpr int64_t kRowsOfGradients = 512;

/// The steps from `begin` on whose rows are taken at once.
int64_t end_of_turn(const PackedRows& rows, int64_t begin) {
  const int64_t* first = rows.first_row();
  int64_t end = begin + 1;
  while (end < rows.time() && first[end + 1] - first[begin] <= kRowsAtOnce) ++end;
  return end;
}
/// The same up to `end`, but not before step `least`.
int64_t begin_of_turn(const PackedRows& rows, int64_t end, int64_t count, int64_t least) {
  const int64_t* first = rows.first_row();
  int64_t begin = end - 1;
  while (begin > least && first[end] - first[begin - 1] <= count) --begin;
  return begin;
}

double product_operations(int64_t rows, int64_t depth, int64_t columns) {
  return 2.0 * static_cast<double>(rows) * static_cast<double>(depth) *
         static_cast<double>(columns);
}

/// Asks for large pages where whole ones fit, before the memory is touched: packed weights and
/// gates of large layers have more small pages than a core remembers addresses of. Only a wish.
void ask_for_large_pages(float* memory, int64_t count) {
#ifdef __linux__
  constexpr size_t kPage = size_t{1} << 21;
  void* first = memory;
  size_t bytes = static_cast<size_t>(count) * sizeof(float);
  if (std::align(kPage, kPage, first, bytes) == nullptr) return;  // not one whole page
  madvise(first, bytes / kPage * kPage, MADV_HUGEPAGE);
#endif
}

/// Rows [first, first + count) of a matrix as a left operand.
const float* left_rows(const LstmKernel& kernel, const float* matrix, int64_t first, int64_t count,
                       int64_t depth, LstmMemory::Buffer& buffer) {
  const float* rows = matrix + first * depth;
  if (!kernel.pairs) return rows;
  float* left = buffer.of(count * kernel.words(depth));
  kernel.to_left(rows, count, depth, left);
  return left;
}

class Backward {
 public:
  Backward(const LstmPass& pass, const float* h_NH, const float* grad_h_NH, float* grad_c_BH,
           const LstmGradients& gradients)
      : pass_(pass),
        kernel_(pass.kernel),
        memory_(pass.memory),
        rows_(pass.memory.rows),
        h_NH_(h_NH),
        gradients_(gradients),
        gates_(memory_.gates.of(rows_.rows() * 4 * pass.hidden + kOuterSlack)) {
    const int64_t H = pass.hidden;
    arguments_.time = rows_.time();
    arguments_.hidden = H;
    arguments_.first_row = rows_.first_row();
    arguments_.initial_c_BH = pass.initial_c_BH;
    arguments_.c_NH = memory_.cells.of(rows_.rows() * H);
    arguments_.tanh_c_NH = memory_.tanh_cells.of(rows_.rows() * H);
    arguments_.grad_h_NH = grad_h_NH;
    arguments_.gates_N4H = gates_;
    arguments_.grad_c_BH = grad_c_BH;
    arguments_.grad_initial_h_BH = gradients.initial_h_BH;
    if (kernel_.pairs) {
      arguments_.left_gates_N4H = memory_.left_gates.of(rows_.rows() * kernel_.words(4 * H));
    }
  }

  void run() {
    const int64_t H = pass_.hidden;
    pack_weights();
    std::fill_n(gradients_.bias, 4 * H, 0.0f);
    if (gradients_.initial_h_BH != nullptr) {
      std::fill_n(gradients_.initial_h_BH, rows_.batch() * H, 0.0f);
    }
    if (rows_.time() == 0) {
      std::fill_n(gradients_.weight_ih, 4 * H * pass_.inputs, 0.0f);
      std::fill_n(gradients_.weight_hh, 4 * H * H, 0.0f);
      return;
    }
    for (int64_t end = rows_.time(); end > 0;) {
      const int64_t begin = begin_of_turn(rows_, end, kRowsOfGradients, 0);
      start_weight_gradients(begin, end);
      for (int64_t turn_end = end; turn_end > begin;) {
        const int64_t turn = begin_of_turn(rows_, turn_end, kRowsAtOnce, begin);
        arguments_.begin = turn;
        arguments_.end = turn_end;
        kernel_.backward(arguments_);
        if (gradients_.x_NI != nullptr) input_gradient(turn, turn_end);
        for (int64_t t = turn; t < turn_end; ++t) pack_step(t);
        turn_end = turn;
      }
      add_weight_gradients(end < rows_.time());
      end = begin;
    }
    if (gradients_.initial_h_BH != nullptr) kernel_.initial_gradient(arguments_);
  }

 private:
  void pack_weights() {
    const int64_t H = pass_.hidden, I = pass_.inputs;
    float* recurrent = memory_.weight_hh_back.of(kernel_.packed_backward_size(4 * H, H));
    kernel_.pack_backward(pass_.weight_hh, 4 * H, H, recurrent);
    arguments_.packed_weights = recurrent;
    if (gradients_.x_NI == nullptr) return;
    packed_input_weights_ = memory_.weight_ih_back.of(kernel_.packed_backward_size(4 * H, I));
    kernel_.pack_backward(pass_.weight_ih, 4 * H, I, packed_input_weights_);
  }

  void input_gradient(int64_t begin, int64_t end) {
    const int64_t H = pass_.hidden, I = pass_.inputs, first = rows_.first_row()[begin];
    const float* left = kernel_.pairs ? arguments_.left_gates_N4H : gates_;
    LstmProductArguments product;
    product.rows = rows_.first_row()[end] - first;
    product.depth = 4 * H;
    product.columns = I;
    product.left = left + first * kernel_.words(4 * H);
    product.packed_weights = packed_input_weights_;
    product.out = gradients_.x_NI + first * I;
    share_blocks(kernel_.column_blocks(I), product_operations(product.rows, 4 * H, I),
                 [&](int64_t from, int64_t to) { kernel_.multiply(product, from, to); });
  }

  void start_weight_gradients(int64_t begin, int64_t end) {
    const int64_t* first = rows_.first_row();
    depth_ = packed_depth_ = 0;
    for (int64_t t = begin; t < end; ++t) depth_ += kernel_.outer_depth(first[t + 1] - first[t]);
    outer_gates_ = memory_.outer_gates.of(kernel_.outer_left_size(depth_, 4 * pass_.hidden));
    outer_x_ = memory_.outer_x.of(kernel_.outer_right_size(depth_, pass_.inputs));
    outer_h_ = memory_.outer_h.of(kernel_.outer_right_size(depth_, pass_.hidden));
  }

  void pack_step(int64_t t) {
    const int64_t H = pass_.hidden, I = pass_.inputs;
    const int64_t* first = rows_.first_row();
    const int64_t rows = first[t + 1] - first[t], at = packed_depth_;
    const float* h_before = t > 0 ? h_NH_ + first[t - 1] * H : pass_.initial_h_BH;
    kernel_.pack_outer_left(
        {gates_ + first[t] * 4 * H, rows, 4 * H, at, depth_, outer_gates_, gradients_.bias});
    kernel_.pack_outer_right({pass_.x_NI + first[t] * I, rows, I, at, depth_, outer_x_, nullptr});
    kernel_.pack_outer_right({h_before, rows, H, at, depth_, outer_h_, nullptr});
    packed_depth_ += kernel_.outer_depth(rows);
  }

  /// dW_ih = sum over the packed steps of dgates_t^T x_t, and dW_hh with h_{t-1}.
  void add_weight_gradients(bool add) {
    const int64_t H = pass_.hidden, I = pass_.inputs;
    const LstmOuterArguments of_x{depth_, 4 * H, I, outer_gates_, outer_x_, gradients_.weight_ih,
                                  add};
    const LstmOuterArguments of_h{depth_, 4 * H, H, outer_gates_, outer_h_, gradients_.weight_hh,
                                  add};
    share_blocks(kernel_.outer_blocks(4 * H), product_operations(depth_, 4 * H, I + H),
                 [&](int64_t from, int64_t to) {
                   kernel_.multiply_outer(of_x, from, to);
                   kernel_.multiply_outer(of_h, from, to);
                 });
  }

  const LstmPass& pass_;
  const LstmKernel& kernel_;
  LstmMemory& memory_;
  const PackedRows& rows_;
  const float* h_NH_;
  const LstmGradients& gradients_;
  float* gates_;
  float* packed_input_weights_ = nullptr;
  /// Operands of the weight gradients' products, `depth_` rows deep, of which the first
  /// `packed_depth_` are there.
  float *outer_gates_ = nullptr, *outer_x_ = nullptr, *outer_h_ = nullptr;
  int64_t depth_ = 0, packed_depth_ = 0;
  LstmBackwardArguments arguments_;
};

}  // namespace

float* LstmMemory::Buffer::of(int64_t count) {
  if (!values_.defined() || values_.numel() < count) {
    values_ = torch::empty({std::max<int64_t>(count, 1)}, torch::kFloat32);
    ask_for_large_pages(values_.data_ptr<float>(), values_.numel());
    ++buffer_growths;
  }
  return values_.data_ptr<float>();
}

int64_t LstmMemory::growths() {
  return buffer_growths;
}

void run_lstm_forward(const LstmPass& pass, const float* bias, float* h_NH) {
  const LstmKernel& kernel = pass.kernel;
  LstmMemory& memory = pass.memory;
  const PackedRows& rows = memory.rows;
  const int64_t H = pass.hidden, I = pass.inputs, N = rows.rows();
  float* input_weights = memory.weight_ih.of(kernel.packed_forward_size(H, I));
  float* recurrent_weights = memory.weight_hh.of(kernel.packed_forward_size(H, H));
  kernel.pack_forward(pass.weight_ih, H, I, input_weights);
  kernel.pack_forward(pass.weight_hh, H, H, recurrent_weights);

  LstmForwardArguments arguments;
  arguments.hidden = H;
  arguments.first_row = rows.first_row();
  arguments.packed_weights = recurrent_weights;
  arguments.initial_h_BH = pass.initial_h_BH;
  arguments.initial_c_BH = pass.initial_c_BH;
  arguments.gates_N4H = memory.gates.of(N * 4 * H + kOuterSlack);
  arguments.c_NH = memory.cells.of(N * H);
  arguments.tanh_c_NH = memory.tanh_cells.of(N * H);
  arguments.h_NH = h_NH;
  if (kernel.pairs) {
    arguments.left_h_NH = memory.left_h.of(N * kernel.words(H));
    if (pass.initial_h_BH != nullptr) {
      arguments.initial_h_BH =
          left_rows(kernel, pass.initial_h_BH, 0, rows.batch(), H, memory.left_initial_h);
    }
  }
  for (int64_t begin = 0; begin < rows.time();) {
    const int64_t end = end_of_turn(rows, begin), first = rows.first_row()[begin];
    LstmProductArguments product;
    product.rows = rows.first_row()[end] - first;
    product.depth = I;
    product.columns = H;
    product.left = left_rows(kernel, pass.x_NI, first, product.rows, I, memory.left_x);
    product.packed_weights = input_weights;
    product.bias = bias;
    product.out = arguments.gates_N4H + first * 4 * H;
    share_blocks(kernel.gate_blocks(H), product_operations(product.rows, I, 4 * H),
                 [&](int64_t from, int64_t to) { kernel.multiply_gates(product, from, to); });
    arguments.begin = begin;
    arguments.end = end;
    kernel.forward(arguments);
    begin = end;
  }
  memory.holds_activations = true;
}

void run_lstm_backward(const LstmPass& pass, const float* h_NH, const float* grad_h_NH,
                       float* grad_c_BH, const LstmGradients& gradients) {
  TORCH_CHECK(
      pass.memory.holds_activations,
      "an LSTM layer's backward pass can run once: it reuses the memory of its forward pass");
  pass.memory.holds_activations = false;
  Backward(pass, h_NH, grad_h_NH, grad_c_BH, gradients).run();
}

}  // namespace lockstep
