// Values as they travel when half of the bytes must do: bfloat16, the upper half of a float32.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lockstep {

/// To the nearest bfloat16, ties to even; infinities and not-a-numbers stay what they are.
void narrow_to_bfloat16(const float* values, uint16_t* narrow, size_t count);
/// Exact.
void widen_from_bfloat16(const uint16_t* narrow, float* values, size_t count);

}  // namespace lockstep
