#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>

#include "data/convert_loops.h"

namespace lockstep {
namespace {

struct Avx512 {};

constexpr int64_t kLanes = 16;

__mmask16 first_lanes(int64_t count) {
  return count >= kLanes ? __mmask16{0xffff} : static_cast<__mmask16>((1U << count) - 1);
}

/// Bytes times a scale without doubles: the scale is the sum of two floats, and the fused
/// multiply-add rounds once. That this gives the bits of the formula is tried, not proved.
class ScaledInFloats {
 public:
  explicit ScaledInFloats(double scale)
      : high_(_mm512_set1_ps(static_cast<float>(scale))),
        low_(_mm512_set1_ps(static_cast<float>(scale - static_cast<float>(scale)))) {}

  __m512 operator()(__m128i bytes) const {
    const __m512 numbers = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes));
    return _mm512_fmadd_ps(numbers, high_, _mm512_mul_ps(numbers, low_));
  }

 private:
  __m512 high_, low_;
};

class ScaledInDoubles {
 public:
  ScaledInDoubles(double scale, double offset)
      : scale_(_mm512_set1_pd(scale)), offset_(_mm512_set1_pd(offset)) {}

  __m512 operator()(__m128i bytes) const {
    const __m512i numbers = _mm512_cvtepu8_epi32(bytes);
    const __m256 low = half(_mm512_castsi512_si256(numbers));
    const __m256 high = half(_mm512_extracti64x4_epi64(numbers, 1));
    return _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
  }

 private:
  __m256 half(__m256i numbers) const {
    const __m512d product = _mm512_mul_pd(_mm512_cvtepi32_pd(numbers), scale_);
    return _mm512_cvtpd_ps(_mm512_add_pd(product, offset_));
  }

  __m512d scale_, offset_;
};

template <class Scaled>
void convert_bytes(const RowConversion& conversion, const Scaled& scaled) {
  const auto* from = static_cast<const uint8_t*>(conversion.stored);
  float* to = conversion.values;
  for (int64_t row = 0; row < conversion.rows; ++row) {
    for (int64_t i = 0; i < conversion.features; i += kLanes) {
      const __mmask16 lanes = first_lanes(conversion.features - i);
      _mm512_mask_storeu_ps(to + i, lanes, scaled(_mm_maskz_loadu_epi8(lanes, from + i)));
    }
    from += conversion.features;
    to += conversion.row_stride;
  }
}

void bytes_in_floats(const RowConversion& conversion) {
  convert_bytes(conversion, ScaledInFloats(conversion.scale));
}

void bytes_in_doubles(const RowConversion& conversion) {
  convert_bytes(conversion, ScaledInDoubles(conversion.scale, conversion.offset));
}

/// Rows of some hundred bytes: a call of memcpy for each costs as much as the copying.
void floats_as_they_are(const RowConversion& conversion) {
  const auto* from = static_cast<const float*>(conversion.stored);
  float* to = conversion.values;
  const int64_t features = conversion.features, whole = features / kLanes * kLanes;
  const __mmask16 last = first_lanes(features - whole);
  for (int64_t row = 0; row < conversion.rows; ++row) {
    for (int64_t i = 0; i < whole; i += kLanes) _mm512_storeu_ps(to + i, _mm512_loadu_ps(from + i));
    _mm512_mask_storeu_ps(to + whole, last, _mm512_maskz_loadu_ps(last, from + whole));
    from += features;
    to += conversion.row_stride;
  }
}

bool floats_give_the_bits_of_the_formula(double scale, double offset) {
  uint8_t bytes[256];
  float expected[256], values[256];
  for (int i = 0; i < 256; ++i) {
    bytes[i] = static_cast<uint8_t>(i);
    expected[i] = static_cast<float>(static_cast<double>(i) * scale + offset);
  }
  bytes_in_floats({bytes, 1, 256, scale, offset, values, 0});
  return std::memcmp(values, expected, sizeof(values)) == 0;
}

}  // namespace

ConvertRows avx512_convert_rows_of(ElementType element, double scale, double offset) {
  if (element == ElementType::f32 && scale == 1 && offset == 0) return &floats_as_they_are;
  if (element != ElementType::u8) return choose_convert_rows<Avx512>(element);
  return floats_give_the_bits_of_the_formula(scale, offset) ? &bytes_in_floats : &bytes_in_doubles;
}

}  // namespace lockstep
#endif
