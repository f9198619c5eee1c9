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

void DeviceBatch::drop_tensors() {
  inputs.reset();
  for (auto& [name, values] : targets) values.reset();
}

void to_device(const Batch& batch, int64_t begin, int64_t end, torch::Device device,
               DeviceBatch& part) {
  const bool whole = begin == 0 && end == batch.size();
  const auto assign_part = [&](const std::vector<int64_t>& all, std::vector<int64_t>& own) {
    own.assign(all.begin() + begin, all.begin() + end);
  };
  for (size_t i = 0; i < batch.streams.size(); ++i) {
    const BatchStream& stream = batch.streams[i];
    torch::Tensor values = wrap(stream);
    if (!whole) values = cut(values, stream, begin, end);
    if (!device.is_cpu()) values = values.to(device, /*non_blocking=*/true);
    if (i == 0) {
      part.inputs = std::move(values);
    } else {
      part.targets[stream.name] = std::move(values);
      assign_part(stream.lengths, part.target_lengths[stream.name]);
    }
  }
  part.continues = batch.continues;
  part.first_column = begin;
  part.columns = batch.size();
  assign_part(batch.inputs().lengths, part.lengths);
  assign_part(batch.sample_ids, part.sample_ids);
}

DeviceBatch to_device(const Batch& batch, torch::Device device) {
  DeviceBatch whole;
  to_device(batch, 0, batch.size(), device, whole);
  return whole;
}

}  // namespace lockstep
