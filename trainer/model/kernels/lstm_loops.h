// The time loops of lstm_kernel.h for one vector type. Included by one source per instruction set.
//
// Forward: a tile is kRows batch rows times one block of `kWidth` hidden units times the four
// gates: as many accumulators as the registers hold, and all four gates of a cell meet in
// registers. Backward: a tile is kRows rows times two blocks of the gradient of h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "trainer/model/kernels/activations.h"
#include "trainer/model/kernels/lstm_kernel.h"
#include "trainer/model/kernels/simd.h"

namespace lockstep {

template <class S, int kForwardRows, int kBackwardRows>
class LstmLoops {
  using Vec = typename S::Vec;
  static constexpr int64_t kWidth = S::kWidth;
  static constexpr int64_t kColumns = 2 * kWidth;  // of a backward tile

  static int64_t blocks(int64_t hidden, int64_t width) { return (hidden + width - 1) / width; }

 public:
  static size_t packed_forward_size(int64_t hidden) {
    return static_cast<size_t>(blocks(hidden, kWidth) * hidden * 4 * kWidth);
  }
  static size_t packed_backward_size(int64_t hidden) {
    return static_cast<size_t>(blocks(hidden, kColumns) * 4 * hidden * kColumns);
  }

  /// [block][k][gate][unit in block], zeros behind the last unit.
  static void pack_forward(const float* weight, int64_t hidden, float* packed) {
    for (int64_t block = 0; block < blocks(hidden, kWidth); ++block) {
      const int64_t units = std::min(kWidth, hidden - block * kWidth);
      float* panel = packed + block * hidden * 4 * kWidth;
      for (int64_t gate = 0; gate < 4; ++gate) {
        for (int64_t unit = 0; unit < kWidth; ++unit) {
          const float* row = weight + (gate * hidden + block * kWidth + unit) * hidden;
          float* column = panel + gate * kWidth + unit;
          for (int64_t k = 0; k < hidden; ++k) column[k * 4 * kWidth] = unit < units ? row[k] : 0;
        }
      }
    }
  }

  /// [block][k of 4H][column in block], zeros behind the last column.
  static void pack_backward(const float* weight, int64_t hidden, float* packed) {
    for (int64_t block = 0; block < blocks(hidden, kColumns); ++block) {
      const int64_t columns = std::min(kColumns, hidden - block * kColumns);
      float* panel = packed + block * 4 * hidden * kColumns;
      for (int64_t k = 0; k < 4 * hidden; ++k) {
        const float* row = weight + k * hidden + block * kColumns;
        std::copy_n(row, columns, panel + k * kColumns);
        std::fill(panel + k * kColumns + columns, panel + (k + 1) * kColumns, 0.0f);
      }
    }
  }

  static void forward(const LstmForwardArguments& a) {
    const int64_t state = a.batch * a.hidden;
    for (int64_t t = 0; t < a.time; ++t) {
      const float* h_before = t > 0 ? a.h_TBH + (t - 1) * state : a.initial_h_BH;
      const float* c_before = t > 0 ? a.c_TBH + (t - 1) * state : a.initial_c_BH;
      for (int64_t block = 0; block < blocks(a.hidden, kWidth); ++block) {
        const bool whole = (block + 1) * kWidth <= a.hidden;
        deal_out_rows<kForwardRows>(a.batch, [&](int64_t row, auto rows) {
          if (whole) {
            forward_tile<rows, true>(a, t, block, row, h_before, c_before);
          } else {
            forward_tile<rows, false>(a, t, block, row, h_before, c_before);
          }
        });
      }
    }
  }

  static void backward(const LstmBackwardArguments& a) {
    for (int64_t t = a.time - 1; t >= 0; --t) {
      for (int64_t block = 0; block < blocks(a.hidden, kColumns); ++block) {
        backward_block(a, t, block);
      }
    }
    if (a.grad_initial_h_BH == nullptr) return;
    for (int64_t block = 0; block < blocks(a.hidden, kColumns); ++block) {
      backward_block(a, -1, block);
    }
  }

 private:
  /// Calls `tile` with the first row and the number of rows (a compile-time constant) of each tile:
  /// as few tiles of at most kRows rows as possible, as equal as possible, because a tile of one or
  /// two rows leaves the multipliers waiting for their own results.
  template <int kRows, class Tile>
  static void deal_out_rows(int64_t batch, Tile tile) {
    const int64_t tiles = (batch + kRows - 1) / kRows;
    int64_t row = 0;
    for (int64_t i = 0; i < tiles; ++i) {
      const int64_t rows = batch / tiles + (i < batch % tiles ? 1 : 0);
      with_constant<kRows>(rows, [&](auto constant) { tile(row, constant); });
      row += rows;
    }
  }

  template <int kLargest, class Call>
  static void with_constant(int64_t value, Call call) {
    if (value == kLargest) {
      call(std::integral_constant<int, kLargest>());
    } else if constexpr (kLargest > 1) {
      with_constant<kLargest - 1>(value, call);
    }
  }

  template <bool kWhole>
  static Vec load(const float* p, int64_t n) {
    if constexpr (kWhole) return S::load(p);
    return S::load_part(p, n);
  }
  template <bool kWhole>
  static void store(float* p, Vec v, int64_t n) {
    if constexpr (kWhole) {
      S::store(p, v);
    } else {
      S::store_part(p, v, n);
    }
  }

  template <int kRows, bool kWhole>
  static void forward_tile(const LstmForwardArguments& a, int64_t t, int64_t block, int64_t row,
                           const float* h_before, const float* c_before) {
    const int64_t first = block * kWidth;
    const int64_t n = std::min(kWidth, a.hidden - first);
    float* gates = a.gates_TB4H + (t * a.batch + row) * 4 * a.hidden + first;
    Vec sum[kRows][4];
    for (int r = 0; r < kRows; ++r) {
      for (int g = 0; g < 4; ++g) {
        sum[r][g] = load<kWhole>(gates + (r * 4 + g) * a.hidden, n);
      }
    }
    if (h_before != nullptr) {
      add_product<kRows, 4>(h_before + row * a.hidden, a.hidden, a.hidden,
                            a.packed_weights + block * a.hidden * 4 * kWidth, sum);
    }
    for (int r = 0; r < kRows; ++r) {
      const int64_t at = (row + r) * a.hidden + first;
      const int64_t out = t * a.batch * a.hidden + at;
      const Vec i = sigmoid<S>(sum[r][0]);
      const Vec f = sigmoid<S>(sum[r][1]);
      const Vec g = hyperbolic_tangent<S>(sum[r][2]);
      const Vec o = sigmoid<S>(sum[r][3]);
      Vec c = i * g;
      if (c_before != nullptr) c = f * load<kWhole>(c_before + at, n) + c;
      const Vec tanh_c = hyperbolic_tangent<S>(c);
      float* activated = gates + r * 4 * a.hidden;
      store<kWhole>(activated, i, n);
      store<kWhole>(activated + a.hidden, f, n);
      store<kWhole>(activated + 2 * a.hidden, g, n);
      store<kWhole>(activated + 3 * a.hidden, o, n);
      store<kWhole>(a.c_TBH + out, c, n);
      store<kWhole>(a.tanh_c_TBH + out, tanh_c, n);
      store<kWhole>(a.h_TBH + out, o * tanh_c, n);
    }
  }

  /// sum[r][v] += sum over k of rows[r][k] * panel[k][v]: the inner loop of everything. Keeps the
  /// shorter side of the tile in registers and passes by the longer one, so that sums, operands and
  /// nothing else fill the register file.
  template <int kRows, int kVectors>
  static void add_product(const float* rows, int64_t stride, int64_t depth, const float* panel,
                          Vec (&sum)[kRows][kVectors]) {
    for (int64_t k = 0; k < depth; ++k, panel += kVectors * kWidth) {
      if constexpr (kRows <= kVectors) {
        Vec value[kRows];
        for (int r = 0; r < kRows; ++r) value[r] = S::all(rows[r * stride + k]);
        for (int v = 0; v < kVectors; ++v) {
          const Vec weight = S::load(panel + v * kWidth);
          for (int r = 0; r < kRows; ++r) sum[r][v] = value[r] * weight + sum[r][v];
        }
      } else {
        Vec weight[kVectors];
        for (int v = 0; v < kVectors; ++v) weight[v] = S::load(panel + v * kWidth);
        for (int r = 0; r < kRows; ++r) {
          const Vec value = S::all(rows[r * stride + k]);
          for (int v = 0; v < kVectors; ++v) sum[r][v] = value * weight[v] + sum[r][v];
        }
      }
    }
  }

  static void backward_block(const LstmBackwardArguments& a, int64_t t, int64_t block) {
    deal_out_rows<kBackwardRows>(
        a.batch, [&](int64_t row, auto rows) { backward_tile<rows>(a, t, block, row); });
  }

  /// Gradient of h_t for one tile: from step t+1 through the recurrent weights, then (t >= 0) from
  /// above, and on through the cell into the gradient of step t's gates.
  template <int kRows>
  static void backward_tile(const LstmBackwardArguments& a, int64_t t, int64_t block, int64_t row) {
    Vec grad_h[kRows][2] = {};
    if (t + 1 < a.time) {
      const float* later = a.gates_TB4H + ((t + 1) * a.batch + row) * 4 * a.hidden;
      add_product<kRows, 2>(later, 4 * a.hidden, 4 * a.hidden,
                            a.packed_weights + block * 4 * a.hidden * kColumns, grad_h);
    }
    for (int v = 0; v < 2; ++v) {
      const int64_t first = block * kColumns + v * kWidth;
      const int64_t n = std::min(kWidth, a.hidden - first);
      if (n <= 0) break;
      for (int r = 0; r < kRows; ++r) {
        if (t < 0) {
          S::store_part(a.grad_initial_h_BH + (row + r) * a.hidden + first, grad_h[r][v], n);
        } else if (n == kWidth) {
          backward_cell<true>(a, t, row + r, first, n, grad_h[r][v]);
        } else {
          backward_cell<false>(a, t, row + r, first, n, grad_h[r][v]);
        }
      }
    }
  }

  template <bool kWhole>
  static void backward_cell(const LstmBackwardArguments& a, int64_t t, int64_t row, int64_t first,
                            int64_t n, Vec grad_h) {
    const int64_t at = row * a.hidden + first;
    const int64_t state = a.batch * a.hidden;
    if (a.grad_h_TBH != nullptr) grad_h += load<kWhole>(a.grad_h_TBH + t * state + at, n);
    if (a.grad_last_h_BH != nullptr && t == a.time - 1) {
      grad_h += load<kWhole>(a.grad_last_h_BH + at, n);
    }
    float* gates = a.gates_TB4H + (t * a.batch + row) * 4 * a.hidden + first;
    const Vec one = S::all(1.0f);
    const Vec i = load<kWhole>(gates, n);
    const Vec f = load<kWhole>(gates + a.hidden, n);
    const Vec g = load<kWhole>(gates + 2 * a.hidden, n);
    const Vec o = load<kWhole>(gates + 3 * a.hidden, n);
    const Vec tanh_c = load<kWhole>(a.tanh_c_TBH + t * state + at, n);
    Vec c_before{};
    if (t > 0) {
      c_before = load<kWhole>(a.c_TBH + (t - 1) * state + at, n);
    } else if (a.initial_c_BH != nullptr) {
      c_before = load<kWhole>(a.initial_c_BH + at, n);
    }
    const Vec grad_c = load<kWhole>(a.grad_c_BH + at, n) + grad_h * o * (one - tanh_c * tanh_c);
    store<kWhole>(gates, grad_c * g * i * (one - i), n);
    store<kWhole>(gates + a.hidden, grad_c * c_before * f * (one - f), n);
    store<kWhole>(gates + 2 * a.hidden, grad_c * i * (one - g * g), n);
    store<kWhole>(gates + 3 * a.hidden, grad_h * tanh_c * o * (one - o), n);
    store<kWhole>(a.grad_c_BH + at, grad_c * f, n);
  }
};

template <class Loops>
constexpr LstmKernel make_lstm_kernel() {
  return {&Loops::packed_forward_size,
          &Loops::packed_backward_size,
          &Loops::pack_forward,
          &Loops::pack_backward,
          &Loops::forward,
          &Loops::backward};
}

}  // namespace lockstep
