#include "trainer/flat_buffers.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "data/base/error.h"
#include "data/base/sha256.h"

namespace lockstep {

using torch::Tensor;

namespace {

constexpr int64_t kAlignment = 16;  // floats: 64 bytes

int64_t aligned(int64_t count) {
  return (count + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

FlatBuffers::FlatBuffers(torch::nn::Module& model, torch::Device device, int64_t tail_size,
                         const Allocate& allocate) {
  torch::NoGradGuard no_grad;
  for (const auto& item : model.named_parameters()) {
    ranges_.push_back({item.key(), item.value().sizes().vec(), 0, item.value().numel(),
                       item.value().requires_grad()});
  }
  int64_t size = 0;
  const auto place = [&](bool trained) {
    for (auto range = ranges_.rbegin(); range != ranges_.rend(); ++range) {
      if (range->trained != trained) continue;
      range->offset = size;
      size += aligned(range->count);
    }
    return size;
  };
  const int64_t trained_size = place(true);
  place(false);
  const auto zeros = [&](int64_t count) {
    const auto options = torch::TensorOptions().device(device);
    float* memory = allocate ? allocate(static_cast<size_t>(count)) : nullptr;
    return memory != nullptr ? torch::from_blob(memory, {count}, options)
                             : torch::zeros({count}, options);
  };
  parameters_ = zeros(size);
  storage_ = zeros(trained_size + tail_size);
  gradients_ = storage_.narrow(0, 0, trained_size);
  tail_ = storage_.narrow(0, trained_size, tail_size);
  size_t next = 0;
  for (auto& item : model.named_parameters()) {
    const Range& range = ranges_[next++];
    Tensor parameter = item.value();
    Tensor home = parameters_.narrow(0, range.offset, range.count).view(range.shape);
    home.copy_(parameter);
    parameter.set_data(home);
    if (!range.trained) continue;
    parameter.mutable_grad() = gradients_.narrow(0, range.offset, range.count).view(range.shape);
  }
  for (auto& item : model.named_buffers()) {
    item.value().set_data(item.value().to(device));
    fixed_.emplace_back(item.key(), item.value());
  }
}

int64_t FlatBuffers::num_parameters() const {
  int64_t count = 0;
  for (const Range& range : ranges_) count += range.count;
  return count;
}

std::vector<TensorView> FlatBuffers::views(const Tensor& buffer, const std::string& prefix,
                                           Tensor& host_copy) const {
  host_copy = buffer.cpu();
  const float* values = host_copy.const_data_ptr<float>();
  std::vector<TensorView> views;
  for (const Range& range : ranges_) {
    if (range.offset >= buffer.numel()) continue;
    views.push_back({prefix + range.name, range.shape, values + range.offset});
  }
  return views;
}

namespace {

/// The tensor of that name and shape. Throws Error(corrupt).
const StoredTensor& stored(const std::map<std::string, StoredTensor>& tensors,
                           const std::string& name, const std::vector<int64_t>& shape,
                           const std::string& origin) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) {
    throw Error(ExitCode::corrupt, fmt::format("{}: holds no tensor {}", origin, name),
                "it was saved by a model of another structure");
  }
  if (found->second.shape != shape) {
    throw Error(ExitCode::corrupt,
                fmt::format("{}: {} has shape [{}], the model needs [{}]", origin, name,
                            fmt::join(found->second.shape, ", "), fmt::join(shape, ", ")),
                "it was saved by a model of another size");
  }
  return found->second;
}

}  // namespace

void FlatBuffers::load(const std::map<std::string, StoredTensor>& tensors,
                       const std::string& prefix, Tensor buffer, const std::string& origin) const {
  Tensor host = torch::zeros({buffer.numel()});
  for (const Range& range : ranges_) {
    if (range.offset >= buffer.numel()) continue;
    const std::vector<float>& values =
        stored(tensors, prefix + range.name, range.shape, origin).values;
    std::copy(values.begin(), values.end(), host.data_ptr<float>() + range.offset);
  }
  torch::NoGradGuard no_grad;
  buffer.copy_(host);
}

std::vector<TensorView> FlatBuffers::fixed_views(std::vector<Tensor>& host_copies) const {
  std::vector<TensorView> views;
  for (const auto& [name, tensor] : fixed_) {
    host_copies.push_back(tensor.cpu());
    views.push_back({name, tensor.sizes().vec(), host_copies.back().const_data_ptr<float>()});
  }
  return views;
}

void FlatBuffers::load_fixed(const std::map<std::string, StoredTensor>& tensors,
                             const std::string& origin) const {
  torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : fixed_) {
    const std::vector<float>& values = stored(tensors, name, tensor.sizes().vec(), origin).values;
    const Tensor host = torch::from_blob(const_cast<float*>(values.data()), tensor.sizes());
    tensor.copy_(host);
  }
}

std::string FlatBuffers::parameters_sha256() const {
  Tensor host;
  Sha256 hash;
  for (const TensorView& view : views(parameters_, "", host)) {
    const std::string head = fmt::format("{} [{}]\n", view.name, fmt::join(view.shape, ", "));
    hash.update(head.data(), head.size());
    hash.update(view.values, static_cast<size_t>(view.count()) * sizeof(float));
  }
  return hash.hex_digest();
}

}  // namespace lockstep
