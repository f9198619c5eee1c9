#include "data/import/split_writers.h"

#include "data/base/error.h"

namespace lockstep {

SplitWriters::SplitWriters(const std::filesystem::path& folder, const std::vector<size_t>& wanted,
                           const std::vector<StreamSchema>& schema, ShardLimits limits) {
  for (const size_t split : wanted) {
    writers_.at(split) =
        std::make_unique<ShardWriter>(folder, kSplitNames.at(split), schema, limits);
  }
}

void SplitWriters::append(size_t split, const std::vector<StreamView>& streams) {
  LOCKSTEP_CHECK(writers_.at(split) != nullptr, "split {} is not wanted", split);
  writers_[split]->append(streams, fmt::format("{}-{:08}", kSplitNames[split], counts_[split]));
  ++counts_[split];
}

std::vector<SplitInfo> SplitWriters::finish() {
  std::vector<SplitInfo> splits;
  for (size_t split = 0; split < writers_.size(); ++split) {
    if (!writers_[split]) continue;
    if (counts_[split] == 0) {
      throw Error(ExitCode::corrupt,
                  fmt::format("no record for the split \"{}\"", kSplitNames[split]),
                  "give more records, or other shares with --split");
    }
    splits.push_back(writers_[split]->finish());
  }
  return splits;
}

}  // namespace lockstep
