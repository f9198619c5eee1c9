// The embedded Reber grammar.
#pragma once

#include "data/data_tool.h"

namespace lockstep {

/// Hochreiter & Schmidhuber 1997, section 5.1: strings of an embedded Reber grammar, in which the
/// last symbol but one repeats the second. Targets of every step: `next`, the symbol that follows,
/// and `legal`, seven numbers that are 1 for each symbol that might. With `--continual` (Gers,
/// Schmidhuber & Cummins 2000) strings follow each other without an end of sequence between them.
DataToolEntry reber_generator();

}  // namespace lockstep
