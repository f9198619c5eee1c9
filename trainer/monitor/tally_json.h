// Counts as state files keep them.
#pragma once

#include <nlohmann/json.hpp>

#include "trainer/monitor/tally.h"

namespace lockstep {

nlohmann::json json_of(const Tally& tally);
/// Throws nlohmann::json::exception for anything else.
Tally tally_of(const nlohmann::json& value);

}  // namespace lockstep
