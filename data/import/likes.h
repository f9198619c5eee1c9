// Imports what users liked and what they did not, with what items say of themselves.
#pragma once

#include "data/data_tool.h"

namespace lockstep {

/// A sequence is a stretch of a user's events in the order of time: some before, which are only
/// read, then those that are `judged`. A step of the inputs is the item, `liked` what the user said
/// of it, and `features` what was known before (data/like_statistics.h) and numbers of the item.
DataToolEntry likes_importer();

}  // namespace lockstep
