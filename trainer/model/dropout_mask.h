// The mask behind dropout.h, for either device (on a CPU: CpuKernels::dropout_mask).
#pragma once

#include <cstdint>

#include "trainer/model/counter_random.h"

namespace lockstep {

struct DropoutMaskArguments {
  float* mask_TBF = nullptr;               ///< out: 0 or `scale`
  const uint64_t* sample_key_B = nullptr;  ///< one key per sample; memory of the device
  int64_t time = 1;
  int64_t batch = 0;
  int64_t features = 0;
  uint32_t threshold = 0;  ///< a 32-bit number below it is dropped
  float scale = 1;
};

/// Two places share one 64-bit number, each taking half of it.
LOCKSTEP_ON_GPU_TOO inline uint32_t dropout_bits(uint64_t sample_key, int64_t place) {
  const uint64_t bits = join_key(sample_key, static_cast<uint64_t>(place) >> 1);
  return static_cast<uint32_t>((place & 1) == 0 ? bits : bits >> 32);
}

/// On the legacy default stream; returns at once.
void make_dropout_mask_on_gpu(const DropoutMaskArguments& arguments);

}  // namespace lockstep
