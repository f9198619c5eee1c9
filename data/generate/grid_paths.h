// Paths through grid worlds.
#pragma once

#include "data/data_tool.h"

namespace lockstep {

/// Maps with walls, a start and a goal that can be reached. A step of the inputs is a row of the
/// map: for each cell whether it is a wall, then whether it is the start, then the goal. The target
/// `moves` is the shortest path; of several, the one that prefers up, then left, right, down.
DataToolEntry grid_paths_generator();

}  // namespace lockstep
