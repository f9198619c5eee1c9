// Vectors whose length says nothing: for scores that are cosines.
#pragma once

#include "trainer/model/libtorch.h"

namespace lockstep {

/// Rows [N, F] scaled to the length `length`; zeros stay zeros.
inline torch::Tensor with_length(const torch::Tensor& rows_NF, double length) {
  return rows_NF * (length / rows_NF.norm(2, {1}, true).clamp_min(1e-12));
}

}  // namespace lockstep
