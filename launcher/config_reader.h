// From a run file and `key=value` words to a checked configuration.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "data/base/fields.h"
#include "trainer/run_config.h"

namespace lockstep {

/// Where each field's value came from, by path: "default", "configs/mnist.yaml:7" or
/// "command line".
using ConfigOrigins = std::map<std::string, std::string>;

/// A configuration's text and what the command line adds.
struct ConfigSource {
  std::string name;  ///< of the file, for messages
  std::string text;
  std::vector<std::string> overrides;  ///< `section.key=value`; a later one wins
};

/// Sets `fields` from `source`. Finds all mistakes in one pass and throws one Error(config) that
/// lists them by position, each as `file:line:column: message` or `command line: key=value:
/// message`. `across` then looks at the fields together; it may be empty.
ConfigOrigins read_fields(const ConfigSource& source, Fields& fields,
                          const std::function<std::vector<ConfigProblem>()>& across);

struct LoadedConfig {
  RunConfig config;
  ConfigOrigins origins;
};

LoadedConfig read_run_config(const ConfigSource& source);

/// Reads `file` and gives `run.dir` its default, runs/ and the file's name. Throws Error: missing
/// when there is no such file, config for everything that is wrong in it.
LoadedConfig load_run_config(const std::filesystem::path& file,
                             const std::vector<std::string>& overrides);

}  // namespace lockstep
