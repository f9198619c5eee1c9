// Imports texts and their translations.
#pragma once

#include "data/data_tool.h"

namespace lockstep {

/// Line i of one file and line i of another become a sequence: the stream "inputs" holds the
/// source's symbols and the target "target" those of its translation, both with an end token.
DataToolEntry parallel_importer();

}  // namespace lockstep
