// How long work tells somebody else how far it is.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace lockstep {

/// Called from time to time with what is done of what; `total` is 0 while unknown. `unit` names
/// what is counted ("images", "bytes"). Whoever shows it does the rate and the remaining time.
using Progress = std::function<void(const std::string& what, int64_t done, int64_t total,
                                    const std::string& unit)>;

}  // namespace lockstep
