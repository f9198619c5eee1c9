// Vectors of 16 floats, with what only AVX-512 has.
#pragma once

#include <immintrin.h>

#include "trainer/model/kernels/simd.h"

namespace lockstep {

template <class Isa>
struct Avx512Vectors : Simd<16, Isa> {
  using Vec = typename Simd<16, Isa>::Vec;

  static Vec round(Vec x) { return _mm512_maskz_roundscale_ps(0xffff, x, 0); }
  static Vec scale(Vec x, Vec n) { return _mm512_maskz_scalef_ps(0xffff, x, n); }

  /// An estimate of 14 bits and one step of Newton's method, to about a unit in the last place: a
  /// fifth of a division's time.
  static Vec reciprocal(Vec x) {
    const Vec estimate = _mm512_maskz_rcp14_ps(0xffff, x);
    return estimate * (Simd<16, Isa>::all(2.0f) - x * estimate);
  }
};

}  // namespace lockstep
