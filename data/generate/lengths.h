// Sequences of noise, for tests and measurements of loading.
#pragma once

#include "data/data_tool.h"

namespace lockstep {

/// float32 features with log-normal lengths and a class each; as large as one likes.
DataToolEntry lengths_generator();

}  // namespace lockstep
