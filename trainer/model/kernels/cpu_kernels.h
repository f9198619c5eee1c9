// All our CPU kernels for one instruction set.
#pragma once

#include "trainer/model/dropout_mask.h"
#include "trainer/model/kernels/lstm_kernel.h"
#include "trainer/model/kernels/softmax_kernel.h"
#include "trainer/model/kernels/update_kernel.h"

namespace lockstep {

/// All implementations have the same results to rounding; each is bitwise repeatable.
struct CpuKernels {
  const char* name;  ///< "avx512_bf16", "avx512", "avx2", "portable"
  LstmKernel lstm;
  LstmKernel lstm_bfloat16;  ///< operands of products rounded to bfloat16, sums in float32
  UpdateKernel update;
  SoftmaxKernel softmax;
  /// See dropout_mask.h; the same bits in all of them.
  void (*dropout_mask)(const DropoutMaskArguments& arguments);
  /// Runs multiply-adds on registers; returns how many floating-point operations that were.
  double (*peak)(int64_t rounds, float* two_numbers);
};

/// The fastest this processor can run. The environment variable LOCKSTEP_CPU_KERNELS names another
/// one, to tell kernels apart when figures differ between machines.
const CpuKernels& cpu_kernels();

/// Null-terminated list of those this processor can run, fastest first.
const CpuKernels* const* runnable_cpu_kernels();

extern const CpuKernels kPortableKernels;
#if defined(__x86_64__)
extern const CpuKernels kAvx2Kernels;
extern const CpuKernels kAvx512Kernels;
extern const CpuKernels kAvx512Bf16Kernels;
#endif

}  // namespace lockstep
