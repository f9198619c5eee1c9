// Imports tables of numbers over time as windows for forecasting.
#pragma once

#include "data/data_tool.h"

namespace lockstep {

/// Each window is a sequence: `inputs` (history steps x features of data/import/series_windows.h),
/// the target `future` (horizon steps x target columns) and, with --calendar, `known` (horizon
/// steps x calendar features). Storing windows takes `history` times the room of the table.
DataToolEntry series_importer();

}  // namespace lockstep
