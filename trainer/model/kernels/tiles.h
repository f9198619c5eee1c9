// The inner loops that all matrix products of the LSTM share: tiles of sums that stay in registers.
//
// A product's left operand is read value by value, its right one, packed into panels, by vectors.
// Both are arrays of 32-bit words: a float, or two bfloat16 that stand behind each other in the
// product's depth. `Operand` knows which.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <type_traits>

#include "trainer/model/kernels/simd.h"

namespace lockstep {

/// Words are floats.
template <class S>
struct FloatOperand {
  static constexpr int kValues = 1;  ///< of a word
  static typename S::Vec spread(const float* word) { return S::all(*word); }
  static typename S::Vec multiply_add(typename S::Vec left, typename S::Vec right,
                                      typename S::Vec sum) {
    return left * right + sum;
  }
  static typename S::Vec words(typename S::Vec first, typename S::Vec) { return first; }
};

/// Words are two bfloat16, multiplied as floats: for processors without an instruction for it.
template <class S>
struct PairOperand {
  static constexpr int kValues = 2;
  using Vec = typename S::Vec;
  using Int = typename S::Int;
  static Vec spread(const float* word) {
    int32_t bits;
    std::memcpy(&bits, word, sizeof bits);
    return std::bit_cast<Vec>(bits - Int{});
  }
  static Vec multiply_add(Vec left, Vec right, Vec sum) {
    const Int l = std::bit_cast<Int>(left), r = std::bit_cast<Int>(right);
    sum = std::bit_cast<Vec>(l << 16) * std::bit_cast<Vec>(r << 16) + sum;
    const Int upper = static_cast<int32_t>(0xffff0000) - Int{};
    return std::bit_cast<Vec>(l & upper) * std::bit_cast<Vec>(r & upper) + sum;
  }
  /// Words of two values each.
  static Vec words(Vec first, Vec second) {
    return std::bit_cast<Vec>(vector_bits(first) | vector_bits(second) << 16);
  }
  /// The nearest bfloat16, ties to even; NaN stays NaN.
  static uint32_t bits(float value) {
    const auto all = std::bit_cast<uint32_t>(value);
    const uint32_t rounded = (all + 0x7fff + ((all >> 16) & 1)) >> 16;
    return value != value ? 0x7fc0 : rounded;
  }

 private:
  static Int vector_bits(Vec value) {
    const Int all = std::bit_cast<Int>(value);
    const Int rounded = ((all + 0x7fff + ((all >> 16) & 1)) >> 16) & 0xffff;
    return value != value ? 0x7fc0 - Int{} : rounded;
  }
};

/// One word of `Operand` from consecutive values; the second one only counts in pairs.
template <class Operand>
float word_of(float first, float second) {
  if constexpr (Operand::kValues == 1) {
    return first;
  } else {
    return std::bit_cast<float>(Operand::bits(first) | Operand::bits(second) << 16);
  }
}

template <class S, class Operand>
struct Tiles {
  using Vec = typename S::Vec;
  static constexpr int64_t kWidth = S::kWidth;

  static int64_t words(int64_t depth) { return (depth + Operand::kValues - 1) / Operand::kValues; }

  /// Calls `tile` with the first row and the number of rows (a compile-time constant) of each tile:
  /// as few tiles of at most kRows rows as possible, as equal as possible, because a tile of one or
  /// two rows leaves the multipliers waiting for their own results.
  template <int kRows, class Tile>
  static void deal_out_rows(int64_t begin, int64_t end, Tile tile) {
    const int64_t all = end - begin;
    const int64_t tiles = (all + kRows - 1) / kRows;
    for (int64_t i = 0, row = begin; i < tiles; ++i) {
      const int64_t rows = all / tiles + (i < all % tiles ? 1 : 0);
      with_constant<kRows>(rows, [&](auto constant) { tile(row, constant); });
      row += rows;
    }
  }

  /// sum[r][v] += sum over k of rows[r][k] * panel[k][v]. Keeps the shorter side of the tile in
  /// registers and passes by the longer one, so that sums, operands and nothing else fill the
  /// register file. Inlined whatever the compiler thinks of its size: called, it would keep the
  /// sums in memory, at a third of the speed.
  template <int kRows, int kVectors>
  [[gnu::always_inline]] static void add_product(const float* rows, int64_t stride, int64_t words,
                                                 const float* panel, Vec (&sum)[kRows][kVectors]) {
    add<kRows, kVectors>(
        words, panel, [&](int r, int64_t k) { return rows + r * stride + k; }, sum);
  }

  /// The same with a left operand whose kStride rows lie side by side for each k.
  template <int kRows, int kVectors, int kStride>
  [[gnu::always_inline]] static void add_outer_product(const float* rows, int64_t words,
                                                       const float* panel,
                                                       Vec (&sum)[kRows][kVectors]) {
    add<kRows, kVectors>(
        words, panel, [&](int r, int64_t k) { return rows + k * kStride + r; }, sum);
  }

  /// Asks for what a tile will need after its product, which takes longer than memory does.
  static void fetch(const float* p, int64_t count) {
    for (int64_t i = 0; i < count; i += 16) __builtin_prefetch(p + i, 0);
  }
  static void fetch_to_write(const float* p, int64_t count) {
    for (int64_t i = 0; i < count; i += 16) __builtin_prefetch(p + i, 1);
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

 private:
  template <int kLargest, class Call>
  static void with_constant(int64_t value, Call call) {
    if (value == kLargest) {
      call(std::integral_constant<int, kLargest>());
    } else if constexpr (kLargest > 1) {
      with_constant<kLargest - 1>(value, call);
    }
  }

  template <int kRows, int kVectors, class Place>
  [[gnu::always_inline]] static void add(int64_t words, const float* panel, Place place,
                                         Vec (&sum)[kRows][kVectors]) {
    for (int64_t k = 0; k < words; ++k, panel += kVectors * kWidth) {
      if constexpr (kRows <= kVectors) {
        Vec value[kRows];
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) value[r] = Operand::spread(place(r, k));
#pragma GCC unroll 16
        for (int v = 0; v < kVectors; ++v) {
          const Vec weight = S::load(panel + v * kWidth);
#pragma GCC unroll 16
          for (int r = 0; r < kRows; ++r) {
            sum[r][v] = Operand::multiply_add(value[r], weight, sum[r][v]);
          }
        }
      } else {
        Vec weight[kVectors];
#pragma GCC unroll 16
        for (int v = 0; v < kVectors; ++v) weight[v] = S::load(panel + v * kWidth);
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) {
          const Vec value = Operand::spread(place(r, k));
#pragma GCC unroll 16
          for (int v = 0; v < kVectors; ++v) {
            sum[r][v] = Operand::multiply_add(value, weight[v], sum[r][v]);
          }
        }
      }
    }
  }
};

}  // namespace lockstep
