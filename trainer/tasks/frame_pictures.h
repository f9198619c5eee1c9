// Pictures of what models read and write, for the report.
#pragma once

#include "trainer/model/libtorch.h"

#include "data/base/png.h"

namespace lockstep {

/// Frames [T, F], from left to right: as squares beside each other where F is the square of a
/// number, else as columns. Black is `low`, white is `high`.
Picture picture_of_frames(const torch::Tensor& frames_TF, double low, double high);

}  // namespace lockstep
