// The GPU's part of the ordered sum.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

namespace lockstep {

/// add_in_tree_order (tree_sum.h) for arrays in GPU memory, on `stream`; returns at once.
void add_in_tree_order_on_gpu(float* arrays, size_t count, int num_arrays, cudaStream_t stream);

}  // namespace lockstep
