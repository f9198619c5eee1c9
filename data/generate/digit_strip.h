// Captions of strips of digits.
#pragma once

#include "data/data_tool.h"

namespace lockstep {

/// Several digits side by side, with gaps, noise and warps. A step of the inputs is a column of
/// pixels, from left to right; the target `digits` is the caption.
DataToolEntry digit_strip_generator();

}  // namespace lockstep
