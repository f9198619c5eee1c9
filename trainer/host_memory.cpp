#include "trainer/host_memory.h"

#include <cuda_runtime_api.h>

#include "data/base/error.h"

namespace lockstep {

HostAllocator batch_memory(torch::Device device) {
  if (!device.is_cuda()) return HostAllocator::aligned();
  HostAllocator allocator;
  allocator.allocate = [](size_t bytes) {
    void* memory = nullptr;
    const cudaError_t code = cudaHostAlloc(&memory, bytes, cudaHostAllocDefault);
    if (code != cudaSuccess) {
      throw Error(
          ExitCode::device,
          fmt::format("{} bytes of page-locked memory: {}", bytes, cudaGetErrorString(code)),
          "lower data.prefetch or batch.size, or raise the limit of locked memory (ulimit -l)");
    }
    return memory;
  };
  allocator.release = [](void* memory) { cudaFreeHost(memory); };
  return allocator;
}

}  // namespace lockstep
