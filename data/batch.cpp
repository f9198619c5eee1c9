#include "data/batch.h"

#include <algorithm>

#include "data/base/error.h"

namespace lockstep {

const BatchStream& Batch::stream(const std::string& name) const {
  const auto found = std::find_if(streams.begin(), streams.end(),
                                  [&](const BatchStream& stream) { return stream.name == name; });
  if (found != streams.end()) return *found;
  std::string names;
  for (const BatchStream& stream : streams) names += (names.empty() ? "" : ", ") + stream.name;
  throw Error(ExitCode::config, fmt::format("the data set has no stream \"{}\"", name),
              "it has: " + names);
}

}  // namespace lockstep
