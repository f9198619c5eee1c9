#if defined(__x86_64__)
#include <immintrin.h>

#include "data/convert_loops.h"

namespace lockstep {
namespace {

struct Avx2 {};

}  // namespace

/// Twice as fast as a table of 256 floats.
template <>
struct FourAtOnce<Avx2, uint8_t> {
  static constexpr bool kThere = true;
  __m256d scale_, offset_;

  FourAtOnce(double scale, double offset)
      : scale_(_mm256_set1_pd(scale)), offset_(_mm256_set1_pd(offset)) {}
  void operator()(const uint8_t* from, float* to) const {
    int32_t bytes = 0;
    std::memcpy(&bytes, from, sizeof(bytes));
    const __m256d numbers = _mm256_cvtepi32_pd(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(bytes)));
    const __m256d scaled = _mm256_add_pd(_mm256_mul_pd(numbers, scale_), offset_);
    _mm_storeu_ps(to, _mm256_cvtpd_ps(scaled));
  }
};

ConvertRows avx2_convert_rows_of(ElementType element) {
  return choose_convert_rows<Avx2>(element);
}

}  // namespace lockstep
#endif
