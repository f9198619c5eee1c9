// Packed weights and the matrix products of lstm_kernel.h that cover many steps at once.
#pragma once

#include "trainer/model/kernels/lstm_kernel.h"
#include "trainer/model/kernels/lstm_loops.h"
#include "trainer/model/kernels/tiles.h"

namespace lockstep {

template <class S, class Operand, int kForwardRows, int kBackwardRows>
class LstmProducts {
  using Vec = typename S::Vec;
  using T = Tiles<S, Operand>;
  static constexpr int64_t kValues = Operand::kValues;
  static constexpr int64_t kWidth = S::kWidth;
  static constexpr int64_t kColumns = 2 * kWidth;  // of a backward tile
  static constexpr int64_t kLeft = kBackwardRows;  // columns of a block of an outer left operand
  static constexpr int64_t kTurn = 8;  // rows packed at once: they stay in the first-level cache

  static int64_t blocks(int64_t all, int64_t width) { return (all + width - 1) / width; }

 public:
  static int64_t packed_forward_size(int64_t hidden, int64_t depth) {
    return blocks(hidden, kWidth) * T::words(depth) * 4 * kWidth;
  }
  static int64_t packed_backward_size(int64_t depth, int64_t columns) {
    return blocks(columns, kColumns) * T::words(depth) * kColumns;
  }

  /// [block][k][gate][unit in block], zeros behind the last unit.
  static void pack_forward(const float* weight, int64_t hidden, int64_t depth, float* packed) {
    const int64_t words = T::words(depth);
    for (int64_t block = 0; block < blocks(hidden, kWidth); ++block) {
      const int64_t units = std::min(kWidth, hidden - block * kWidth);
      for (int64_t gate = 0; gate < 4; ++gate) {
        const float* rows = weight + (gate * hidden + block * kWidth) * depth;
        float* columns = packed + block * words * 4 * kWidth + gate * kWidth;
        for (int64_t k = 0; k < words; k += kWidth) pack_square(rows, units, depth, k, columns);
      }
    }
  }

  /// [block][k][column in block], zeros behind the last column.
  static void pack_backward(const float* weight, int64_t depth, int64_t columns, float* packed) {
    for (int64_t block = 0; block < blocks(columns, kColumns); ++block) {
      pack_right(weight + block * kColumns, depth, columns,
                 std::min(kColumns, columns - block * kColumns),
                 packed + block * T::words(depth) * kColumns);
    }
  }

  static int64_t gate_blocks(int64_t hidden) { return blocks(hidden, kWidth); }
  static void multiply_gates(const LstmProductArguments& a, int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const bool whole = (block + 1) * kWidth <= a.columns;
      T::template deal_out_rows<kForwardRows>(0, a.rows, [&](int64_t row, auto count) {
        if (whole) {
          gates_tile<count, true>(a, block, row);
        } else {
          gates_tile<count, false>(a, block, row);
        }
      });
    }
  }

  static int64_t column_blocks(int64_t columns) { return blocks(columns, kColumns); }
  static void multiply(const LstmProductArguments& a, int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      T::template deal_out_rows<kBackwardRows>(
          0, a.rows, [&](int64_t row, auto count) { columns_tile<count>(a, block, row); });
    }
  }

  static int64_t outer_depth(int64_t rows) { return T::words(rows) * kValues; }
  static int64_t outer_left_size(int64_t depth, int64_t columns) {
    return blocks(columns, kLeft) * left_block_size(depth);
  }
  static int64_t outer_right_size(int64_t depth, int64_t columns) {
    return blocks(columns, kColumns) * T::words(depth) * kColumns;
  }

  /// [block][k][column in block].
  static void pack_outer_left(const LstmOuterRows& a) {
    for (int64_t k = 0; k < a.rows; k += kTurn) {
      const int64_t rows = std::min(kTurn, a.rows - k);
      if (a.column_sums != nullptr) add_rows(a.source + k * a.columns, rows, a);
      for (int64_t block = 0; block < blocks(a.columns, kLeft); ++block) {
        const int64_t word = (a.at + k) / kValues;
        pack_left(a.source + k * a.columns + block * kLeft, rows, a.columns,
                  a.packed + block * left_block_size(a.depth) + word * kLeft);
      }
    }
  }
  static void pack_outer_right(const LstmOuterRows& a) {
    const int64_t words = T::words(a.depth);
    for (int64_t k = 0; k < a.rows; k += kTurn) {
      const int64_t rows = std::min(kTurn, a.rows - k);
      for (int64_t block = 0; block < blocks(a.columns, kColumns); ++block) {
        float* place = a.packed + (block * words + (a.at + k) / kValues) * kColumns;
        if (a.source == nullptr) {
          std::fill_n(place, T::words(rows) * kColumns, 0.0f);
        } else {
          pack_right(a.source + k * a.columns + block * kColumns, rows, a.columns,
                     std::min(kColumns, a.columns - block * kColumns), place);
        }
      }
    }
  }

  static int64_t outer_blocks(int64_t left_columns) { return blocks(left_columns, kLeft); }
  /// Some blocks of the left operand stay in the second-level cache while the right ones pass by.
  static void multiply_outer(const LstmOuterArguments& a, int64_t begin, int64_t end) {
    constexpr int64_t kCached = 1 << 16;  // floats
    const int64_t group = std::max<int64_t>(1, kCached / left_block_size(a.depth));
    for (int64_t first = begin; first < end; first += group) {
      for (int64_t right = 0; right < blocks(a.right_columns, kColumns); ++right) {
        for (int64_t left = first; left < std::min(end, first + group); ++left) {
          outer_tile(a, left, right);
        }
      }
    }
  }

 private:
  /// Up to kWidth words of as many rows, from word `k` on, become rows of the packed panel.
  static void pack_square(const float* rows, int64_t units, int64_t depth, int64_t k,
                          float* columns) {
    Vec square[kWidth] = {};
    const int64_t words = std::min(kWidth, T::words(depth) - k);
    const int64_t values = std::min(kWidth * kValues, depth - k * kValues);
    if (units == kWidth && values == kWidth * kValues) {
      for (int64_t unit = 0; unit < kWidth; ++unit) {
        square[unit] = words_of_row(rows + unit * depth + k * kValues);
      }
    } else {
      for (int64_t unit = 0; unit < units; ++unit) {
        float row[kWidth * kValues] = {};
        std::memcpy(row, rows + unit * depth + k * kValues,
                    static_cast<size_t>(values) * sizeof(float));
        square[unit] = words_of_row(row);
      }
    }
    S::transpose(square);
    for (int64_t i = 0; i < words; ++i) S::store(columns + (k + i) * 4 * kWidth, square[i]);
  }

  static Vec words_of_row(const float* values) {
    if constexpr (kValues == 1) {
      return S::load(values);
    } else {
      const Vec first = S::load(values), second = S::load(values + kWidth);
      return Operand::words(S::evens(first, second), S::odds(first, second));
    }
  }

  /// Words of two rows, value by value; zeros from `count` up to `width`.
  static void interleave(const float* __restrict first, const float* __restrict second,
                         int64_t count, int64_t width, float* __restrict words) {
    if (kValues == 2 && second != nullptr) {
      for (int64_t i = 0; i < count; ++i) words[i] = word_of<Operand>(first[i], second[i]);
    } else {
      for (int64_t i = 0; i < count; ++i) words[i] = word_of<Operand>(first[i], 0.0f);
    }
    std::fill(words + count, words + width, 0.0f);
  }

  template <int kRows, bool kWhole>
  static void gates_tile(const LstmProductArguments& a, int64_t block, int64_t row) {
    const int64_t first = block * kWidth;
    const int64_t n = std::min(kWidth, a.columns - first);
    const int64_t words = T::words(a.depth);
    Vec sum[kRows][4];
    for (int g = 0; g < 4; ++g) {
      const Vec bias = T::template load<kWhole>(a.bias + g * a.columns + first, n);
      for (int r = 0; r < kRows; ++r) sum[r][g] = bias;
    }
    T::template add_product<kRows, 4>(a.left + row * words, words, words,
                                      a.packed_weights + block * words * 4 * kWidth, sum);
    float* out = a.out + row * 4 * a.columns + first;
    for (int r = 0; r < kRows; ++r) {
      for (int g = 0; g < 4; ++g) {
        T::template store<kWhole>(out + (r * 4 + g) * a.columns, sum[r][g], n);
      }
    }
  }

  template <int kRows>
  static void columns_tile(const LstmProductArguments& a, int64_t block, int64_t row) {
    const int64_t words = T::words(a.depth);
    Vec sum[kRows][2] = {};
    for (int r = 0; r < kRows; ++r) {
      T::fetch_to_write(a.out + (row + r) * a.columns + block * kColumns, kColumns);
    }
    T::template add_product<kRows, 2>(a.left + row * words, words, words,
                                      a.packed_weights + block * words * kColumns, sum);
    store_columns<kRows>(sum, a.out + row * a.columns, a.columns, block * kColumns, kRows);
  }

  /// `rows` of the tile's rows.
  template <int kRows>
  static void store_columns(const Vec (&sum)[kRows][2], float* out, int64_t columns, int64_t first,
                            int64_t rows) {
    for (int v = 0; v < 2; ++v, first += kWidth) {
      const int64_t n = std::min(kWidth, columns - first);
      for (int r = 0; r < kRows && n > 0; ++r) {
        if (r >= rows) break;
        if (n == kWidth) {
          S::store(out + r * columns + first, sum[r][v]);
        } else {
          S::store_part(out + r * columns + first, sum[r][v], n);
        }
      }
    }
  }

  static void outer_tile(const LstmOuterArguments& a, int64_t left, int64_t right) {
    const int64_t words = T::words(a.depth);
    const int64_t rows = std::min(kLeft, a.left_columns - left * kLeft);
    float* out = a.out + left * kLeft * a.right_columns;
    Vec sum[kBackwardRows][2] = {};
    for (int64_t r = 0; r < rows; ++r) {
      T::fetch_to_write(out + r * a.right_columns + right * kColumns, kColumns);
    }
    T::template add_outer_product<kBackwardRows, 2, kBackwardRows>(
        a.packed_left + left * left_block_size(a.depth), words,
        a.packed_right + right * words * kColumns, sum);
    if (a.add) add_columns(sum, out, a.right_columns, right * kColumns, rows);
    store_columns<kBackwardRows>(sum, out, a.right_columns, right * kColumns, rows);
  }

  static void add_columns(Vec (&sum)[kBackwardRows][2], const float* out, int64_t columns,
                          int64_t first, int64_t rows) {
    for (int v = 0; v < 2; ++v, first += kWidth) {
      const int64_t n = std::min(kWidth, columns - first);
      for (int r = 0; r < kBackwardRows && n > 0; ++r) {
        if (r >= rows) break;
        const float* place = out + r * columns + first;
        sum[r][v] += n == kWidth ? S::load(place) : S::load_part(place, n);
      }
    }
  }

  /// A block is copied by whole vectors, whose last values lie in the next row's place until that
  /// one is copied; so the last row needs room behind it.
  static int64_t left_block_size(int64_t depth) { return T::words(depth) * kLeft + kWidth; }

  static void pack_left(const float* source, int64_t rows, int64_t columns, float* place) {
    for (int64_t k = 0; k < rows; k += kValues, place += kLeft) {
      const float* first = source + k * columns;
      for (int64_t i = 0; i < kLeft; i += kWidth) {
        const Vec second = k + 1 < rows ? S::load(first + columns + i) : Vec{};
        S::store(place + i, Operand::words(S::load(first + i), second));
      }
    }
  }

  static void pack_right(const float* source, int64_t rows, int64_t columns, int64_t width,
                         float* place) {
    for (int64_t k = 0; k < rows; k += kValues, place += kColumns) {
      const float* first = source + k * columns;
      const bool pair = kValues == 2 && k + 1 < rows;
      if (width < kColumns) {
        interleave(first, pair ? first + columns : nullptr, width, kColumns, place);
        continue;
      }
      for (int64_t i = 0; i < kColumns; i += kWidth) {
        const Vec second = pair ? S::load(first + columns + i) : Vec{};
        S::store(place + i, Operand::words(S::load(first + i), second));
      }
    }
  }

  static void add_rows(const float* __restrict rows, int64_t count, const LstmOuterRows& a) {
    float* __restrict sums = a.column_sums;
    const int64_t columns = a.columns;
    if (count == kTurn) {
      for (int64_t i = 0; i < columns; ++i) {
        float sum = 0;
        for (int64_t k = 0; k < kTurn; ++k) sum += rows[k * columns + i];
        sums[i] += sum;
      }
      return;
    }
    for (int64_t k = 0; k < count; ++k) {
      for (int64_t i = 0; i < columns; ++i) sums[i] += rows[k * columns + i];
    }
  }
};

template <class S, class Operand, int kForwardRows, int kBackwardRows>
constexpr LstmKernel make_lstm_kernel() {
  using Loops = LstmLoops<S, Operand, kForwardRows, kBackwardRows>;
  using Products = LstmProducts<S, Operand, kForwardRows, kBackwardRows>;
  return {.pairs = Operand::kValues == 2,
          .words = &Loops::words,
          .to_left = &Loops::to_left,
          .packed_forward_size = &Products::packed_forward_size,
          .packed_backward_size = &Products::packed_backward_size,
          .pack_forward = &Products::pack_forward,
          .pack_backward = &Products::pack_backward,
          .forward = &Loops::forward,
          .backward = &Loops::backward,
          .initial_gradient = &Loops::initial_gradient,
          .gate_blocks = &Products::gate_blocks,
          .multiply_gates = &Products::multiply_gates,
          .column_blocks = &Products::column_blocks,
          .multiply = &Products::multiply,
          .outer_depth = &Products::outer_depth,
          .outer_left_size = &Products::outer_left_size,
          .outer_right_size = &Products::outer_right_size,
          .pack_outer_left = &Products::pack_outer_left,
          .pack_outer_right = &Products::pack_outer_right,
          .outer_blocks = &Products::outer_blocks,
          .multiply_outer = &Products::multiply_outer};
}

}  // namespace lockstep
