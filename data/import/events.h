// Imports sessions of events for recommending the next item.
#pragma once

#include "data/data_tool.h"

namespace lockstep {

/// Each session becomes a sequence: `inputs` are its items but the last, the target `next` is its
/// items but the first, so that every step has the item that follows as its target. Evaluations
/// that make a case of every prefix of a session count the same predictions: step t of a recurrent
/// network has seen just the prefix of t items.
DataToolEntry events_importer();

}  // namespace lockstep
