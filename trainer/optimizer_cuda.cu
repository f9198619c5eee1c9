// Fused parameter updates on the GPU: one pass over the flat buffers.
#include "trainer/optimizer_cuda.h"

namespace lockstep {
namespace {

constexpr int kThreads = 256;

unsigned blocks_for(size_t count) {
  return static_cast<unsigned>((count + kThreads - 1) / kThreads);
}

__global__ void adam(AdamArguments a) {
  const size_t i = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= a.count) return;
  const float p = a.parameters[i];
  const float g = a.gradients[i] * a.gradient_scale + a.l2 * p;
  const float m = a.beta1 * a.mean[i] + (1 - a.beta1) * g;
  const float v = a.beta2 * a.square[i] + (1 - a.beta2) * g * g;
  a.mean[i] = m;
  a.square[i] = v;
  a.parameters[i] = p * a.decay - a.step_size * m / (sqrtf(v) * a.square_correction + a.epsilon);
}

__global__ void sgd(SgdArguments a) {
  const size_t i = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= a.count) return;
  const float p = a.parameters[i];
  float step = a.gradients[i] * a.gradient_scale + a.l2 * p;
  if (a.velocity != nullptr) {
    step += a.momentum * a.velocity[i];
    a.velocity[i] = step;
  }
  a.parameters[i] = p - a.learning_rate * step;
}

__global__ void adagrad(AdagradArguments a) {
  const size_t i = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= a.count) return;
  const float p = a.parameters[i];
  const float g = a.gradients[i] * a.gradient_scale + a.l2 * p;
  const float sum = a.sum[i] + g * g;
  a.sum[i] = sum;
  a.parameters[i] = p - a.learning_rate * g / (sqrtf(sum) + a.epsilon);
}

__global__ void rmsprop(RmspropArguments a) {
  const size_t i = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= a.count) return;
  const float p = a.parameters[i];
  const float g = a.gradients[i] * a.gradient_scale + a.l2 * p;
  const float square = a.smoothing * a.square[i] + (1 - a.smoothing) * g * g;
  a.square[i] = square;
  float step = g / (sqrtf(square) + a.epsilon);
  if (a.velocity != nullptr) {
    step += a.momentum * a.velocity[i];
    a.velocity[i] = step;
  }
  a.parameters[i] = p - a.learning_rate * step;
}

}  // namespace

void adam_on_gpu(const AdamArguments& arguments) {
  if (arguments.count > 0) adam<<<blocks_for(arguments.count), kThreads>>>(arguments);
}

void sgd_on_gpu(const SgdArguments& arguments) {
  if (arguments.count > 0) sgd<<<blocks_for(arguments.count), kThreads>>>(arguments);
}

void adagrad_on_gpu(const AdagradArguments& arguments) {
  if (arguments.count > 0) adagrad<<<blocks_for(arguments.count), kThreads>>>(arguments);
}

void rmsprop_on_gpu(const RmspropArguments& arguments) {
  if (arguments.count > 0) rmsprop<<<blocks_for(arguments.count), kThreads>>>(arguments);
}

}  // namespace lockstep
