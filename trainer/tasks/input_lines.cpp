#include "trainer/tasks/input_lines.h"

#include <algorithm>

namespace lockstep {
namespace {

template <class Condition>
bool for_every_shard(const Manifest& manifest, Condition condition) {
  return std::all_of(manifest.splits.begin(), manifest.splits.end(), [&](const SplitInfo& split) {
    return std::all_of(split.shards.begin(), split.shards.end(), condition);
  });
}

}  // namespace

bool has_one_step_each(const Manifest& manifest, size_t stream) {
  return for_every_shard(
      manifest, [&](const ShardInfo& shard) { return shard.steps.at(stream) == shard.sequences; });
}

bool is_as_long_as_inputs(const Manifest& manifest, size_t stream) {
  return for_every_shard(manifest, [&](const ShardInfo& shard) {
    return shard.steps.at(stream) == shard.steps.at(0);
  });
}

DeviceBatch batch_of_symbols(const std::vector<int64_t>& symbols, torch::Device device) {
  DeviceBatch batch;
  batch.inputs = torch::tensor(symbols).unsqueeze(1).to(device);
  batch.lengths = {static_cast<int64_t>(symbols.size())};
  batch.sample_ids = {0};
  return batch;
}

}  // namespace lockstep
