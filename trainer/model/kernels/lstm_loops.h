// The time loops of lstm_kernel.h for one vector type. Included by one source per instruction set.
//
// Forward: a tile is kRows batch rows times one block of `kWidth` hidden units times the four
// gates: as many accumulators as the registers hold, and all four gates of a cell meet in
// registers. Backward: a tile is kRows rows times two blocks of the gradient of h.
#pragma once

#include "trainer/model/kernels/activations.h"
#include "trainer/model/kernels/lstm_kernel.h"
#include "trainer/model/kernels/tiles.h"

namespace lockstep {

template <class S, class Operand, int kForwardRows, int kBackwardRows>
class LstmLoops {
  using Vec = typename S::Vec;
  using T = Tiles<S, Operand>;
  static constexpr bool kPairs = Operand::kValues == 2;
  static constexpr int64_t kWidth = S::kWidth;
  static constexpr int64_t kColumns = 2 * kWidth;  // of a backward tile

  static int64_t blocks(int64_t hidden, int64_t width) { return (hidden + width - 1) / width; }

 public:
  static void forward(const LstmForwardArguments& a) {
    for (int64_t t = a.begin; t < a.end; ++t) {
      const int64_t rows = a.first_row[t + 1] - a.first_row[t];
      for (int64_t block = 0; block < blocks(a.hidden, kWidth); ++block) {
        const bool whole = (block + 1) * kWidth <= a.hidden;
        T::template deal_out_rows<kForwardRows>(0, rows, [&](int64_t row, auto count) {
          if (whole) {
            forward_tile<count, true>(a, t, block, row);
          } else {
            forward_tile<count, false>(a, t, block, row);
          }
        });
      }
      if constexpr (kPairs) {
        const int64_t first = a.first_row[t];
        to_left(a.h_NH + first * a.hidden, rows, a.hidden,
                a.left_h_NH + first * T::words(a.hidden));
      }
    }
  }

  static void backward(const LstmBackwardArguments& a) {
    for (int64_t t = a.end - 1; t >= a.begin; --t) {
      const int64_t rows = a.first_row[t + 1] - a.first_row[t];
      const int64_t later = t + 1 < a.time ? a.first_row[t + 2] - a.first_row[t + 1] : 0;
      for (int64_t block = 0; block < blocks(a.hidden, kColumns); ++block) {
        T::template deal_out_rows<kBackwardRows>(0, later, [&](int64_t row, auto count) {
          backward_tile<count, true>(a, t, block, row);
        });
        T::template deal_out_rows<kBackwardRows>(later, rows, [&](int64_t row, auto count) {
          backward_tile<count, false>(a, t, block, row);
        });
      }
      if constexpr (kPairs) {
        const int64_t at = a.first_row[t] * 4 * a.hidden;
        to_left(a.gates_N4H + at, rows, 4 * a.hidden, a.left_gates_N4H + at / 2);
      }
    }
  }

  static void initial_gradient(const LstmBackwardArguments& a) {
    const int64_t rows = a.first_row[1] - a.first_row[0];
    for (int64_t block = 0; block < blocks(a.hidden, kColumns); ++block) {
      T::template deal_out_rows<kBackwardRows>(
          0, rows, [&](int64_t row, auto count) { backward_tile<count, true>(a, -1, block, row); });
    }
  }

  static int64_t words(int64_t depth) { return T::words(depth); }

  /// Rows of an odd number of values get a zero behind the last one.
  static void to_left(const float* rows, int64_t count, int64_t depth, float* left) {
    const int64_t words = T::words(depth);
    for (int64_t row = 0; row < count; ++row, rows += depth, left += words) {
      int64_t k = 0;
      if constexpr (kPairs) {
        for (; 2 * (k + kWidth) <= depth; k += kWidth) {
          const Vec a = S::load(rows + 2 * k), b = S::load(rows + 2 * k + kWidth);
          S::store(left + k, Operand::words(S::evens(a, b), S::odds(a, b)));
        }
      }
      for (; k < words; ++k) {
        const int64_t second = Operand::kValues * (k + 1) - 1;
        left[k] = word_of<Operand>(rows[Operand::kValues * k], second < depth ? rows[second] : 0);
      }
    }
  }

 private:
  template <int kRows, bool kWhole>
  static void forward_tile(const LstmForwardArguments& a, int64_t t, int64_t block, int64_t row) {
    const int64_t first = block * kWidth;
    const int64_t n = std::min(kWidth, a.hidden - first);
    const int64_t depth = T::words(a.hidden);
    const int64_t here = a.first_row[t] + row;
    const int64_t before = t > 0 ? a.first_row[t - 1] + row : row;
    const float* left = t > 0 ? (kPairs ? a.left_h_NH : a.h_NH) : a.initial_h_BH;
    const float* c_before = t > 0 ? a.c_NH : a.initial_c_BH;
    float* gates = a.gates_N4H + here * 4 * a.hidden + first;
    Vec sum[kRows][4];
    for (int r = 0; r < kRows; ++r) {
      for (int g = 0; g < 4; ++g) {
        sum[r][g] = T::template load<kWhole>(gates + (r * 4 + g) * a.hidden, n);
      }
    }
    for (int r = 0; r < kRows; ++r) {
      const int64_t out = (here + r) * a.hidden + first;
      for (const float* p : {a.c_NH, a.tanh_c_NH, a.h_NH}) T::fetch_to_write(p + out, n);
    }
    if (left != nullptr) {
      T::template add_product<kRows, 4>(left + before * depth, depth, depth,
                                        a.packed_weights + block * depth * 4 * kWidth, sum);
    }
    for (int r = 0; r < kRows; ++r) {
      const int64_t out = (here + r) * a.hidden + first;
      const Vec i = sigmoid<S>(sum[r][0]);
      const Vec f = sigmoid<S>(sum[r][1]);
      const Vec g = hyperbolic_tangent<S>(sum[r][2]);
      const Vec o = sigmoid<S>(sum[r][3]);
      Vec c = i * g;
      if (c_before != nullptr) {
        c = f * T::template load<kWhole>(c_before + (before + r) * a.hidden + first, n) + c;
      }
      const Vec tanh_c = hyperbolic_tangent<S>(c);
      float* activated = gates + r * 4 * a.hidden;
      T::template store<kWhole>(activated, i, n);
      T::template store<kWhole>(activated + a.hidden, f, n);
      T::template store<kWhole>(activated + 2 * a.hidden, g, n);
      T::template store<kWhole>(activated + 3 * a.hidden, o, n);
      T::template store<kWhole>(a.c_NH + out, c, n);
      T::template store<kWhole>(a.tanh_c_NH + out, tanh_c, n);
      T::template store<kWhole>(a.h_NH + out, o * tanh_c, n);
    }
  }

  /// Gradient of h_t for one tile: from step t + 1 through the recurrent weights (kLater), then
  /// (t >= 0) from above, and on through the cell into the gradient of step t's gates.
  template <int kRows, bool kLater>
  static void backward_tile(const LstmBackwardArguments& a, int64_t t, int64_t block, int64_t row) {
    Vec grad_h[kRows][2] = {};
    if constexpr (kLater) {
      const int64_t depth = T::words(4 * a.hidden);
      const float* left = kPairs ? a.left_gates_N4H : a.gates_N4H;
      const float* rows = left + (a.first_row[t + 1] + row) * depth;
      const float* panel = a.packed_weights + block * depth * kColumns;
      for (int64_t part = 0; part < kRows; ++part) {  // a row at a time: no more is on its way
        if (t >= 0) fetch_cells(a, t, row + part, block * kColumns);
        const int64_t begin = depth * part / kRows, end = depth * (part + 1) / kRows;
        T::template add_product<kRows, 2>(rows + begin, depth, end - begin,
                                          panel + begin * kColumns, grad_h);
      }
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

  /// Memory that backward_cell reads for a block of columns.
  static void fetch_cells(const LstmBackwardArguments& a, int64_t t, int64_t row, int64_t first) {
    const int64_t here = a.first_row[t] + row;
    const int64_t at = here * a.hidden + first;
    const int64_t n = std::min(kColumns, a.hidden - first);
    for (int64_t gate = 0; gate < 4; ++gate) {
      T::fetch_to_write(a.gates_N4H + (here * 4 + gate) * a.hidden + first, n);
    }
    T::fetch(a.tanh_c_NH + at, n);
    if (a.grad_h_NH != nullptr) T::fetch(a.grad_h_NH + at, n);
    if (t > 0) T::fetch(a.c_NH + (a.first_row[t - 1] + row) * a.hidden + first, n);
  }

  template <bool kWhole>
  static void backward_cell(const LstmBackwardArguments& a, int64_t t, int64_t row, int64_t first,
                            int64_t n, Vec grad_h) {
    const int64_t here = a.first_row[t] + row;
    const int64_t at = here * a.hidden + first;
    const int64_t state = row * a.hidden + first;
    if (a.grad_h_NH != nullptr) grad_h += T::template load<kWhole>(a.grad_h_NH + at, n);
    float* gates = a.gates_N4H + here * 4 * a.hidden + first;
    const Vec one = S::all(1.0f);
    const Vec i = T::template load<kWhole>(gates, n);
    const Vec f = T::template load<kWhole>(gates + a.hidden, n);
    const Vec g = T::template load<kWhole>(gates + 2 * a.hidden, n);
    const Vec o = T::template load<kWhole>(gates + 3 * a.hidden, n);
    const Vec tanh_c = T::template load<kWhole>(a.tanh_c_NH + at, n);
    Vec c_before{};
    if (t > 0) {
      c_before =
          T::template load<kWhole>(a.c_NH + (a.first_row[t - 1] + row) * a.hidden + first, n);
    } else if (a.initial_c_BH != nullptr) {
      c_before = T::template load<kWhole>(a.initial_c_BH + state, n);
    }
    const Vec grad_c =
        T::template load<kWhole>(a.grad_c_BH + state, n) + grad_h * o * (one - tanh_c * tanh_c);
    T::template store<kWhole>(gates, grad_c * g * i * (one - i), n);
    T::template store<kWhole>(gates + a.hidden, grad_c * c_before * f * (one - f), n);
    T::template store<kWhole>(gates + 2 * a.hidden, grad_c * i * (one - g * g), n);
    T::template store<kWhole>(gates + 3 * a.hidden, grad_h * tanh_c * o * (one - o), n);
    T::template store<kWhole>(a.grad_c_BH + state, grad_c * f, n);
  }
};

}  // namespace lockstep
