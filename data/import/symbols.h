// Imports sequences of letters: DNA, RNA, proteins.
#pragma once

#include "data/data_tool.h"

namespace lockstep {

/// Each sequence becomes symbols of its alphabet, or of overlapping k-mers (`inputs`), and a target
/// `classes`: one label of the sequence, or one of every letter.
DataToolEntry symbols_importer();

}  // namespace lockstep
