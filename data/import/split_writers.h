// The shards of several splits, written side by side as records come.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <vector>

#include "data/import/split_plan.h"
#include "data/manifest.h"
#include "data/shard_writer.h"

namespace lockstep {

class SplitWriters {
 public:
  /// `wanted` are the splits that must get records; see wanted_splits().
  SplitWriters(const std::filesystem::path& folder, const std::vector<size_t>& wanted,
               const std::vector<StreamSchema>& schema, ShardLimits limits = {});

  /// Appends a sequence to a wanted split; sequences are named "train-00000000" and on.
  void append(size_t split, const std::vector<StreamView>& streams);
  /// Completes the shards. Throws Error(corrupt) when a wanted split got no record.
  std::vector<SplitInfo> finish();

 private:
  std::array<std::unique_ptr<ShardWriter>, kSplitNames.size()> writers_;
  std::array<int64_t, kSplitNames.size()> counts_{};
};

}  // namespace lockstep
