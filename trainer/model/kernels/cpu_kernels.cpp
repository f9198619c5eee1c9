#include "trainer/model/kernels/cpu_kernels.h"

#include <array>
#include <cstdlib>
#include <string_view>

#include "data/base/error.h"

namespace lockstep {
namespace {

struct Runnable {
  std::array<const CpuKernels*, 5> list{};

  Runnable() {
    size_t count = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq")) {
      if (__builtin_cpu_supports("avx512bf16")) list[count++] = &kAvx512Bf16Kernels;
      list[count++] = &kAvx512Kernels;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
      list[count++] = &kAvx2Kernels;
    }
#endif
    list[count] = &kPortableKernels;
  }
};

const CpuKernels& chosen_kernels() {
  const char* wanted = std::getenv("LOCKSTEP_CPU_KERNELS");
  if (wanted == nullptr) return **runnable_cpu_kernels();
  for (const CpuKernels* const* kernels = runnable_cpu_kernels(); *kernels != nullptr; ++kernels) {
    if (std::string_view(wanted) == (*kernels)->name) return **kernels;
  }
  throw Error(ExitCode::device,
              fmt::format("LOCKSTEP_CPU_KERNELS={}: this processor cannot run these", wanted),
              "unset the variable to use the fastest it can run");
}

}  // namespace

const CpuKernels* const* runnable_cpu_kernels() {
  static const Runnable runnable;
  return runnable.list.data();
}

const CpuKernels& cpu_kernels() {
  static const CpuKernels& chosen = chosen_kernels();
  return chosen;
}

}  // namespace lockstep
