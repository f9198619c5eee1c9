// Generates a data set of handwriting-like digits from the fonts of this machine.
#pragma once

#include "data/data_tool.h"

namespace lockstep {

/// 28 x 28 grey images of the digits 0 to 9, glyphs of installed fonts under random affine warps,
/// stroke widths, blur and noise. Written as MNIST's four IDX files in OUT/idx and imported from
/// there. The same seed and fonts give the same bytes.
DataToolEntry digits_generator();

}  // namespace lockstep
