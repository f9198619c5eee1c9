// Vectors of floats by the compiler's vector extension: one source, compiled for each instruction
// set. `Isa` only keeps the instantiations of different translation units apart.
#pragma once

#include <cstdint>
#include <cstring>

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

  static Vec max(Vec a, Vec b) { return a > b ? a : b; }
  static Vec min(Vec a, Vec b) { return a < b ? a : b; }
};

}  // namespace lockstep
