// Vectors of floats by the compiler's vector extension: one source, compiled for each instruction
// set. `Isa` only keeps the instantiations of different translation units apart.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

namespace lockstep {

/// The vector types of a width; g++ 12 does not take a template's parameter as vector_size.
template <int kFloats>
struct VectorTypes;
template <>
struct VectorTypes<4> {
  typedef float Vec __attribute__((vector_size(16)));
  typedef int32_t Int __attribute__((vector_size(16)));
};
template <>
struct VectorTypes<8> {
  typedef float Vec __attribute__((vector_size(32)));
  typedef int32_t Int __attribute__((vector_size(32)));
};
template <>
struct VectorTypes<16> {
  typedef float Vec __attribute__((vector_size(64)));
  typedef int32_t Int __attribute__((vector_size(64)));
};

template <int kFloats, class Isa>
struct Simd {
  static constexpr int kWidth = kFloats;
  using Vec = typename VectorTypes<kFloats>::Vec;
  using Int = typename VectorTypes<kFloats>::Int;

  static Vec load(const float* p) {
    Vec v;
    std::memcpy(&v, p, sizeof v);
    return v;
  }
  static void store(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }

  /// The first `n` floats at p, zeros behind them.
  static Vec load_part(const float* p, int64_t n) {
    Vec v{};
    for (int64_t i = 0; i < n; ++i) v[i] = p[i];
    return v;
  }
  static void store_part(float* p, Vec v, int64_t n) {
    for (int64_t i = 0; i < n; ++i) p[i] = v[i];
  }

  /// x in every place (x - 0 is x for every x, so this is a broadcast and nothing else).
  static Vec all(float x) { return x - Vec{}; }

  /// Rows become columns.
  static void transpose(Vec (&rows)[kFloats]) { exchange<kFloats / 2>(rows); }

  /// Every other value of a and then of b, from the first or from the second one on.
  static Vec evens(Vec a, Vec b) { return every_other<0>(a, b, Places()); }
  static Vec odds(Vec a, Vec b) { return every_other<1>(a, b, Places()); }

  static Vec reciprocal(Vec x) { return all(1.0f) / x; }

  /// To the nearest integer, of |x| < 2^22: adding 1.5 * 2^23 leaves no place for a fraction.
  static Vec round(Vec x) { return (x + all(12582912.0f)) - all(12582912.0f); }
  /// x 2^n for whole n in [-126, 127].
  static Vec scale(Vec x, Vec n) {
    const Int exponent = (__builtin_convertvector(n, Int) + 127) << 23;
    return x * std::bit_cast<Vec>(exponent);
  }

  static Vec max(Vec a, Vec b) { return a > b ? a : b; }
  static Vec min(Vec a, Vec b) { return a < b ? a : b; }

 private:
  using Places = std::make_integer_sequence<int, kFloats>;

  template <int kFirst, int... j>
  static Vec every_other(Vec a, Vec b, std::integer_sequence<int, j...>) {
    return __builtin_shufflevector(a, b, (2 * j + kFirst)...);
  }

  /// Swaps the off-diagonal squares of kSide values in each square of twice that side, then goes on
  /// with their halves.
  template <int kSide>
  static void exchange(Vec (&rows)[kFloats]) {
    if constexpr (kSide > 0) {
      for (int i = 0; i < kFloats; ++i) {
        if ((i & kSide) == 0) {
          exchange_rows<kSide>(rows[i], rows[i + kSide], Places());
        }
      }
      exchange<kSide / 2>(rows);
    }
  }
  template <int kSide, int... j>
  static void exchange_rows(Vec& a, Vec& b, std::integer_sequence<int, j...>) {
    const Vec upper = __builtin_shufflevector(a, b, ((j & kSide) ? kFloats + j - kSide : j)...);
    b = __builtin_shufflevector(a, b, ((j & kSide) ? kFloats + j : j + kSide)...);
    a = upper;
  }
};

}  // namespace lockstep
