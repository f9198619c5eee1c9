#include "trainer/model/dropout_mask.h"

namespace lockstep {
namespace {

__global__ void fill(DropoutMaskArguments a, int64_t count) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= count) return;
  const int64_t feature = i % a.features;
  const int64_t sample = i / a.features % a.batch;
  const int64_t time = i / (a.features * a.batch);
  const uint32_t bits = dropout_bits(a.sample_key_B[sample], time * a.features + feature);
  a.mask_TBF[i] = bits < a.threshold ? 0.0f : a.scale;
}

}  // namespace

void make_dropout_mask_on_gpu(const DropoutMaskArguments& arguments) {
  const int64_t count = arguments.time * arguments.batch * arguments.features;
  if (count == 0) return;
  constexpr int kThreads = 256;
  fill<<<static_cast<unsigned>((count + kThreads - 1) / kThreads), kThreads>>>(arguments, count);
}

}  // namespace lockstep
