// Imports sequences from HDF5 files of other programs.
#pragma once

#include "data/data_tool.h"

namespace lockstep {

/// Files in RETURNN's layout, or arrays that the options name; h5_layout.h says which shapes are
/// understood. The structure is checked as that of shards is before any value is read; values are
/// copied in blocks of rows. Dense streams keep their type, symbols become i32.
DataToolEntry h5_importer();

}  // namespace lockstep
