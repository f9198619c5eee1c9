#include "trainer/saved_config.h"

#include <nlohmann/json.hpp>

#include "data/base/error.h"

namespace lockstep {

std::map<std::string, std::string> saved_fields(const RunConfig& config) {
  RunConfig copy = config;
  Fields fields;
  copy.describe(fields);
  std::map<std::string, std::string> saved;
  for (const Field& field : fields.all()) saved[field.path] = field.value_text();
  return saved;
}

std::set<std::string> fields_that_may_change() {
  RunConfig config;
  Fields fields;
  config.describe(fields);
  std::set<std::string> paths;
  for (const Field& field : fields.all()) {
    if (field.may_change_on_resume) paths.insert(field.path);
  }
  return paths;
}

RunConfig config_from_saved(const std::map<std::string, std::string>& saved,
                            const std::string& origin) {
  RunConfig config;
  Fields fields;
  config.describe(fields);
  for (const Field& field : fields.all()) {
    const auto found = saved.find(field.path);
    if (found == saved.end()) continue;
    std::string problem;
    try {
      // The values are legal in a config and so finite: what YAML writes of them is JSON too.
      const auto value = nlohmann::json::parse(found->second);
      std::visit([&](auto* target) { value.get_to(*target); }, field.target);
    } catch (const nlohmann::json::exception& error) {
      problem = error.what();
    }
    if (!problem.empty() || !field.legal(problem)) {
      throw Error(ExitCode::corrupt,
                  fmt::format("{}: config field {}: {}", origin, field.path, problem),
                  "the run was saved by another version, or its state.json was edited");
    }
  }
  return config;
}

}  // namespace lockstep
