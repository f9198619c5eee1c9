#include "trainer/tasks/translation_data.h"

#include <iterator>
#include <string>
#include <vector>

#include "data/base/error.h"
#include "trainer/tasks/grid_world.h"
#include "trainer/tasks/text_inputs.h"

namespace lockstep {

using nlohmann::json;

namespace {

/// The target "target", or the first one of symbols.
const StreamSchema& find_target(const Manifest& manifest, const std::string& task) {
  const StreamSchema* found = nullptr;
  for (size_t i = 1; i < manifest.streams.size(); ++i) {
    const StreamSchema& stream = manifest.streams[i];
    if (stream.is_symbols() && (found == nullptr || stream.name == "target")) found = &stream;
  }
  if (found == nullptr) {
    throw Error(ExitCode::config,
                fmt::format("task {} needs a target of symbols; this data set has none", task),
                "`lockstep data inspect` shows the streams of a data set");
  }
  return *found;
}

json describe_target(const Manifest& manifest, const std::string& task) {
  const StreamSchema& target = find_target(manifest, task);
  json description = describe_symbols(manifest, target);
  description["stream"] = target.name;
  return {{"target", std::move(description)}};
}

}  // namespace

json describe_translation(const Manifest& manifest) {
  const StreamSchema& source = manifest.streams.front();
  if (!source.is_symbols()) {
    throw Error(ExitCode::config, "task translation reads symbols; these inputs are numbers",
                "make a data set with `lockstep data import parallel`, or set task: captioning");
  }
  json description = describe_target(manifest, "translation");
  description["inputs"] = describe_symbols(manifest, source);
  return description;
}

json describe_captioning(const Manifest& manifest) {
  const StreamSchema& source = manifest.streams.front();
  if (source.is_symbols()) {
    throw Error(ExitCode::config, "task captioning reads numbers; these inputs are symbols",
                "set task: translation");
  }
  json description = describe_target(manifest, "captioning");
  description.update(
      {{"features", source.features}, {"scale", source.scale}, {"offset", source.offset}});
  return description;
}

json describe_paths(const Manifest& manifest) {
  const StreamSchema& source = manifest.streams.front();
  const std::vector<std::string> moves(std::begin(kMoveNames), std::end(kMoveNames));
  const bool fits = source.features > 0 && source.features % 3 == 0 &&
                    find_target(manifest, "path_planning").labels == moves;
  if (!fits) {
    throw Error(ExitCode::config,
                "task path_planning needs maps, and paths of the moves up, left, right and down; "
                "this data set has none",
                "`lockstep data generate grid-paths` makes one that does");
  }
  json description = describe_captioning(manifest);
  description["map_columns"] = source.features / 3;
  return description;
}

}  // namespace lockstep
