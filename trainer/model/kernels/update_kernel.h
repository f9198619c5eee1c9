// One pass over flat buffers: parameter updates and norms on a CPU.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lockstep {

/// All arrays have `count` values. Gradients are multiplied by `gradient_scale` first: that is
/// where the division by the global target count and clipping go.
struct AdamArguments {
  size_t count = 0;
  float* parameters = nullptr;
  const float* gradients = nullptr;
  float* mean = nullptr;    ///< first moment
  float* square = nullptr;  ///< second moment
  float gradient_scale = 1;
  float step_size = 0;          ///< learning rate / (1 - beta1^t)
  float square_correction = 1;  ///< 1 / sqrt(1 - beta2^t)
  float beta1 = 0;
  float beta2 = 0;
  float epsilon = 0;
  float l2 = 0;     ///< adds l2 * parameter to the gradient
  float decay = 1;  ///< multiplies the parameter first (AdamW: 1 - rate * decay)
};

struct SgdArguments {
  size_t count = 0;
  float* parameters = nullptr;
  const float* gradients = nullptr;
  float* velocity = nullptr;  ///< null: no momentum
  float gradient_scale = 1;
  float learning_rate = 0;
  float momentum = 0;
  float l2 = 0;
};

struct AdagradArguments {
  size_t count = 0;
  float* parameters = nullptr;
  const float* gradients = nullptr;
  float* sum = nullptr;  ///< of squared gradients
  float gradient_scale = 1;
  float learning_rate = 0;
  float epsilon = 0;
  float l2 = 0;
};

struct RmspropArguments {
  size_t count = 0;
  float* parameters = nullptr;
  const float* gradients = nullptr;
  float* square = nullptr;    ///< mean of squared gradients
  float* velocity = nullptr;  ///< null: no momentum
  float gradient_scale = 1;
  float learning_rate = 0;
  float smoothing = 0;
  float momentum = 0;
  float epsilon = 0;
  float l2 = 0;
};

struct UpdateKernel {
  /// Kingma & Ba 2015, algorithm 1, in PyTorch's form: step_size * m / (sqrt(v) * correction +
  /// eps).
  void (*adam)(const AdamArguments& arguments);
  /// velocity = momentum * velocity + gradient; parameter -= rate * velocity (PyTorch's form).
  void (*sgd)(const SgdArguments& arguments);
  /// sum += g^2; parameter -= rate * g / (sqrt(sum) + epsilon) (PyTorch's form).
  void (*adagrad)(const AdagradArguments& arguments);
  /// square = a square + (1 - a) g^2; velocity = momentum * velocity + g / (sqrt(square) +
  /// epsilon); parameter -= rate * velocity (PyTorch's form).
  void (*rmsprop)(const RmspropArguments& arguments);
  /// Sum of squares, added in double in a fixed order; NaN or infinite when a value is.
  double (*sum_of_squares)(const float* values, size_t count);
};

}  // namespace lockstep
