#include "trainer/versions.h"

#include <cuda_runtime_api.h>
#include <fmt/format.h>
#include <torch/version.h>

#include "trainer/comm/versions.h"
#include "trainer/model/kernels/cpu_kernels.h"

namespace lockstep {
namespace {

std::string cuda_version() {
  int version = 0;
  if (cudaRuntimeGetVersion(&version) != cudaSuccess) return "unknown";
  return fmt::format("{}.{}", version / 1000, version / 10 % 100);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> versions() {
  return {{"lockstep", LOCKSTEP_VERSION},
          {"libtorch", TORCH_VERSION},
          {"mpi", mpi_version()},
          {"nccl", nccl_version()},
          {"cuda", cuda_version()},
          {"cpu_kernels", cpu_kernels().name},
          {"compiler", fmt::format("g++ {}", __VERSION__)}};
}

}  // namespace lockstep
