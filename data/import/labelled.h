// Imports texts with labels: topics, sentiments, spam or not.
#pragma once

#include "data/data_tool.h"

namespace lockstep {

/// Each record becomes a sequence of symbols and a target of one class for each label. The
/// vocabulary and the classes are those of the training records; a held-out record with another
/// label is rejected.
DataToolEntry labelled_importer();

}  // namespace lockstep
