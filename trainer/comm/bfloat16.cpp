#include "trainer/comm/bfloat16.h"

#include <bit>

#include "trainer/comm/for_each_processor.h"

namespace lockstep {

LOCKSTEP_FOR_EACH_PROCESSOR
void narrow_to_bfloat16(const float* __restrict values, uint16_t* __restrict narrow, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const auto bits = std::bit_cast<uint32_t>(values[i]);
    const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    const uint32_t quiet = bits >> 16 | 0x40u;  // rounding might carry a not-a-number into infinity
    narrow[i] = static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
  }
}

LOCKSTEP_FOR_EACH_PROCESSOR
void widen_from_bfloat16(const uint16_t* __restrict narrow, float* __restrict values,
                         size_t count) {
  for (size_t i = 0; i < count; ++i) {
    values[i] = std::bit_cast<float>(static_cast<uint32_t>(narrow[i]) << 16);
  }
}

}  // namespace lockstep
