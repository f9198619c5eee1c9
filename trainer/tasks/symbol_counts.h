// The symbols of a split, and how often they occur.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace lockstep {

/// Calls `visit` with the symbols of each sequence of a stream, in order. Throws Error(config) when
/// there is no such stream.
void visit_symbols(const Split& split, const std::string& stream,
                   const std::function<void(const std::vector<int64_t>&)>& visit);

/// How often each occurs. Reads and throws as visit_symbols().
std::vector<int64_t> count_symbols(const Split& split, const std::string& stream);

}  // namespace lockstep
