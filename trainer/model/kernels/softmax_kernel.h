// Cross-entropy over many classes on a CPU.
#pragma once

#include <cstdint>

namespace lockstep {

struct SoftmaxKernel {
  /// log(sum over classes of e^logit) - logit[target] of one row. With `gradient` the row becomes
  /// what the loss's gradient is in its place: probabilities, less one at the target. NaN when a
  /// logit is. Exponentials are summed in blocks, those in double, in a fixed order.
  double (*cross_entropy)(float* logits, int64_t classes, int64_t target, bool gradient);
};

}  // namespace lockstep
