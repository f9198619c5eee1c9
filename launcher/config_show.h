// A configuration as text: for people, for editors, for the run folder.
#pragma once

#include <string>

#include "data/base/fields.h"
#include "launcher/config_reader.h"

namespace lockstep {

/// Every key with its value, as YAML that reads back equal. With `origins`, each line ends in a
/// comment that says where the value came from.
std::string resolved_yaml(const Fields& fields, const ConfigOrigins* origins = nullptr);
std::string resolved_yaml(const RunConfig& config, const ConfigOrigins* origins = nullptr);

/// JSON Schema (draft 2020-12) of a run file, for editors that check while typing.
std::string config_schema(const Fields& fields);

/// A page of Markdown tables, one per section: key, type, default, legal values, meaning.
std::string config_reference(const Fields& fields);

}  // namespace lockstep
