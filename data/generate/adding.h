// The adding problem.
#pragma once

#include "data/data_tool.h"

namespace lockstep {

/// Hochreiter & Schmidhuber 1997, section 5.4: steps of (value in [-1, 1], marker); two values are
/// marked, one of the first ten and one of the first half, and the target `sum`, one step of one
/// number, is 0.5 + (their sum) / 4. First and last marker are -1.
DataToolEntry adding_generator();

}  // namespace lockstep
