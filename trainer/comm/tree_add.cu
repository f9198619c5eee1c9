#include "trainer/comm/tree_add_cuda.h"

namespace lockstep {
namespace {

__global__ void add(float* sum, const float* other, size_t count) {
  const size_t i = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count) sum[i] += other[i];
}

}  // namespace

void add_in_tree_order_on_gpu(float* arrays, size_t count, int num_arrays, cudaStream_t stream) {
  if (count == 0) return;
  constexpr unsigned kThreads = 256;
  const unsigned blocks = static_cast<unsigned>((count + kThreads - 1) / kThreads);
  for (size_t distance = 1; distance < static_cast<size_t>(num_arrays); distance *= 2) {
    for (size_t left = 0; left < static_cast<size_t>(num_arrays); left += 2 * distance) {
      add<<<blocks, kThreads, 0, stream>>>(arrays + left * count,
                                           arrays + (left + distance) * count, count);
    }
  }
}

}  // namespace lockstep
