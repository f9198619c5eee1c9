// Imports questions with their candidate answers, right and wrong ones.
#pragma once

#include "data/data_tool.h"

namespace lockstep {

DataToolEntry pairs_importer();

}  // namespace lockstep
