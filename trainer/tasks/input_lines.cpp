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

DeviceBatch batch_of_symbols(const std::vector<const std::vector<int64_t>*>& sequences,
                             torch::Device device) {
  DeviceBatch batch;
  for (const auto* symbols : sequences) {
    batch.lengths.push_back(static_cast<int64_t>(symbols->size()));
    batch.sample_ids.push_back(batch.size());
  }
  const int64_t time = *std::max_element(batch.lengths.begin(), batch.lengths.end());
  torch::Tensor symbols_BT = torch::full({batch.size(), time}, kPaddingSymbol, torch::kInt64);
  int64_t* row = symbols_BT.mutable_data_ptr<int64_t>();
  for (const auto* symbols : sequences) {
    std::copy(symbols->begin(), symbols->end(), row);
    row += time;
  }
  batch.inputs = symbols_BT.t().contiguous().to(device);
  return batch;
}

DeviceBatch batch_of_symbols(const std::vector<std::vector<int64_t>>& sequences,
                             torch::Device device) {
  std::vector<const std::vector<int64_t>*> places;
  for (const std::vector<int64_t>& symbols : sequences) places.push_back(&symbols);
  return batch_of_symbols(places, device);
}

}  // namespace lockstep
