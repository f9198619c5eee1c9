// The GPU's part of sums that travel as bfloat16.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace lockstep {

/// As in bfloat16.h, for memory of the GPU, on `stream`; return at once.
void narrow_to_bfloat16_on_gpu(const float* values, uint16_t* narrow, size_t count,
                               cudaStream_t stream);
void widen_from_bfloat16_on_gpu(const uint16_t* narrow, float* values, size_t count,
                                cudaStream_t stream);

}  // namespace lockstep
