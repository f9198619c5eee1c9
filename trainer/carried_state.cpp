#include "trainer/carried_state.h"

#include <cstring>

namespace lockstep {

using torch::Tensor;

namespace {

std::string name_of_carried(size_t index) {
  return fmt::format("carried/{}", index);
}

std::string bytes_of(const Tensor& tensor) {
  const Tensor host = tensor.cpu().contiguous();
  return {reinterpret_cast<const char*>(host.const_data_ptr<float>()), host.nbytes()};
}

}  // namespace

std::vector<TensorView> gather_carried(const Task& task, Communicator& host,
                                       std::vector<Tensor>& memory) {
  std::vector<TensorView> views;
  const std::vector<Tensor> carried = task.carried();
  for (size_t i = 0; i < carried.size(); ++i) {
    const int64_t width = carried[i].size(1);
    std::string all;
    for (const std::string& part : host.all_gather_bytes(bytes_of(carried[i]))) all += part;
    if (!host.is_root()) continue;
    const auto rows = static_cast<int64_t>(all.size() / sizeof(float)) / width;
    memory.push_back(torch::empty({rows, width}));
    std::memcpy(memory.back().data_ptr<float>(), all.data(), all.size());
    views.push_back({name_of_carried(i), {rows, width}, memory.back().const_data_ptr<float>()});
  }
  return views;
}

void scatter_carried(const std::map<std::string, StoredTensor>& tensors, Share rows,
                     int64_t global_rows, torch::Device device, Task& task, Communicator& host) {
  std::vector<const StoredTensor*> found;
  together(host, [&] {
    if (!host.is_root()) return;
    for (size_t i = 0; tensors.count(name_of_carried(i)) > 0; ++i) {
      found.push_back(&tensors.at(name_of_carried(i)));
      const std::vector<int64_t>& shape = found.back()->shape;
      if (shape.size() != 2 || shape[0] != global_rows) {
        throw Error(ExitCode::corrupt, fmt::format("the checkpoint's {} does not fit batch.size {}",
                                                   name_of_carried(i), global_rows));
      }
    }
    if (found.empty()) throw Error(ExitCode::corrupt, "the checkpoint holds no carried states");
  });
  const auto count = std::stoul(host.broadcast_bytes(std::to_string(found.size()), 0));
  std::vector<Tensor> carried;
  for (size_t i = 0; i < count; ++i) {
    std::string bytes;
    if (host.is_root()) {
      bytes.assign(reinterpret_cast<const char*>(found[i]->values.data()),
                   found[i]->values.size() * sizeof(float));
    }
    bytes = host.broadcast_bytes(bytes, 0);
    const auto width = static_cast<int64_t>(bytes.size() / sizeof(float)) / global_rows;
    Tensor all = torch::empty({global_rows, width});
    std::memcpy(all.data_ptr<float>(), bytes.data(), bytes.size());
    carried.push_back(all.narrow(0, rows.begin, rows.size()).clone().to(device));
  }
  task.set_carried(std::move(carried));
}

}  // namespace lockstep
