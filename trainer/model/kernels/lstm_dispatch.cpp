#include <array>

#include "trainer/model/kernels/variants.h"

namespace lockstep {
namespace {

struct Runnable {
  std::array<const LstmKernel*, 4> list{};

  Runnable() {
    size_t count = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq")) {
      list[count++] = &kLstmAvx512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) list[count++] = &kLstmAvx2;
#endif
    list[count] = &kLstmPortable;
  }
};

}  // namespace

const LstmKernel* const* runnable_lstm_kernels() {
  static const Runnable runnable;
  return runnable.list.data();
}

const LstmKernel& best_lstm_kernel() { return **runnable_lstm_kernels(); }

}  // namespace lockstep
