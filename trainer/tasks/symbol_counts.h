// How often symbols occur in a split.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace lockstep {

/// Of a stream, by symbol. Reads all of it. Throws Error(config) when there is no such stream.
std::vector<int64_t> count_symbols(const Split& split, const std::string& stream);

}  // namespace lockstep
