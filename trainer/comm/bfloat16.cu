#include "trainer/comm/bfloat16_cuda.h"

namespace lockstep {
namespace {

constexpr unsigned kThreads = 256;

unsigned blocks_for(size_t count) {
  return static_cast<unsigned>((count + kThreads - 1) / kThreads);
}

__device__ size_t place() {
  return static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

__global__ void narrow_values(const float* values, uint16_t* narrow, size_t count) {
  const size_t i = place();
  if (i >= count) return;
  const uint32_t bits = __float_as_uint(values[i]);
  const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  const uint32_t quiet = bits >> 16 | 0x40u;
  narrow[i] = static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
}

__global__ void widen_values(const uint16_t* narrow, float* values, size_t count) {
  const size_t i = place();
  if (i < count) values[i] = __uint_as_float(static_cast<uint32_t>(narrow[i]) << 16);
}

}  // namespace

void narrow_to_bfloat16_on_gpu(const float* values, uint16_t* narrow, size_t count,
                               cudaStream_t stream) {
  if (count > 0) narrow_values<<<blocks_for(count), kThreads, 0, stream>>>(values, narrow, count);
}

void widen_from_bfloat16_on_gpu(const uint16_t* narrow, float* values, size_t count,
                                cudaStream_t stream) {
  if (count > 0) widen_values<<<blocks_for(count), kThreads, 0, stream>>>(narrow, values, count);
}

}  // namespace lockstep
