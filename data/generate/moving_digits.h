// Moving digits as video frames.
#pragma once

#include "data/data_tool.h"

namespace lockstep {

/// Srivastava, Mansimov & Salakhutdinov 2015: digits that fly straight and bounce off the borders.
/// A step of the inputs is a frame; the target `future` holds the frames that follow.
DataToolEntry moving_digits_generator();

}  // namespace lockstep
