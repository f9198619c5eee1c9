#include "trainer/device_batch.h"

#include <algorithm>

#include "data/base/error.h"

namespace lockstep {
namespace {

/// The stream's memory as a tensor; LibTorch does not write to inputs that need no gradient.
torch::Tensor wrap(const BatchStream& stream) {
  if (stream.is_symbols) {
    return torch::from_blob(const_cast<int64_t*>(stream.symbols()), {stream.time, stream.batch},
                            torch::kInt64);
  }
  return torch::from_blob(const_cast<float*>(stream.dense()),
                          {stream.time, stream.batch, stream.features}, torch::kFloat32);
}

/// Columns [begin, end) up to their own longest sequence: what is computed from them must not
/// depend on which other columns happen to be in the batch.
torch::Tensor cut(const torch::Tensor& values, const BatchStream& stream, int64_t begin,
                  int64_t end) {
  const auto longest =
      *std::max_element(stream.lengths.begin() + begin, stream.lengths.begin() + end);
  return values.narrow(0, 0, longest).narrow(1, begin, end - begin).contiguous();
}

}  // namespace

const torch::Tensor& DeviceBatch::target(const std::string& name) const {
  const auto found = targets.find(name);
  if (found == targets.end()) {
    throw Error(ExitCode::config, fmt::format("the data set has no target stream \"{}\"", name),
                "`lockstep data inspect` shows the streams of a data set");
  }
  return found->second;
}

DeviceBatch to_device(const Batch& batch, int64_t begin, int64_t end, torch::Device device) {
  const bool whole = begin == 0 && end == batch.size();
  DeviceBatch result;
  const auto part = [&](const std::vector<int64_t>& all) {
    return std::vector<int64_t>(all.begin() + begin, all.begin() + end);
  };
  for (size_t i = 0; i < batch.streams.size(); ++i) {
    torch::Tensor values = wrap(batch.streams[i]);
    if (!whole) values = cut(values, batch.streams[i], begin, end);
    if (!device.is_cpu()) values = values.to(device, /*non_blocking=*/true);
    if (i == 0) {
      result.inputs = values;
    } else {
      result.targets[batch.streams[i].name] = values;
      result.target_lengths[batch.streams[i].name] = part(batch.streams[i].lengths);
    }
  }
  result.continues = batch.continues;
  result.first_column = begin;
  result.columns = batch.size();
  result.lengths = part(batch.inputs().lengths);
  result.sample_ids = part(batch.sample_ids);
  return result;
}

DeviceBatch to_device(const Batch& batch, torch::Device device) {
  return to_device(batch, 0, batch.size(), device);
}

}  // namespace lockstep
