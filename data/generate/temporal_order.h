// The temporal order problems.
#pragma once

#include "data/data_tool.h"

namespace lockstep {

/// Hochreiter & Schmidhuber 1997, section 5.6: 100 to 110 symbols from E to B; two (problem 6a) or
/// three (6b) of them, at random places of their own, are X or Y, the others are a, b, c or d. The
/// target `order` is one of 4 or 8 classes: the order of X and Y.
DataToolEntry temporal_order_generator();

}  // namespace lockstep
