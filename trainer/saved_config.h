// A run's configuration as checkpoints keep it: every field's path and value.
#pragma once

#include <map>
#include <set>
#include <string>

#include "trainer/run_config.h"

namespace lockstep {

std::map<std::string, std::string> saved_fields(const RunConfig& config);
/// Paths of fields that may differ when a run is continued.
std::set<std::string> fields_that_may_change();

/// The reverse of saved_fields; fields this version does not know are left out. Throws
/// Error(corrupt) naming `origin` when a value cannot be read.
RunConfig config_from_saved(const std::map<std::string, std::string>& saved,
                            const std::string& origin);

}  // namespace lockstep
