#include "trainer/replica.h"

#include "data/base/error.h"
#include "trainer/name_patterns.h"
#include "trainer/weight_loading.h"

namespace lockstep {

Replica::Replica(const RunConfig& config, const nlohmann::json& description, torch::Device device,
                 Communicator* exchange)
    : device_(device) {
  torch::manual_seed(static_cast<uint64_t>(config.run.seed));
  task_ = find_task(config.task).make(config.model, description);
  freeze_parameters(task_->model(), config.freeze);
  const auto task_sums = static_cast<int64_t>(task_->sum_names().size());
  const int world_size = exchange == nullptr ? 1 : exchange->world_size();
  if (world_size > 1 && config.communication.row_sparse) {
    row_sparse_ = task_->row_sparse_parameters();
    std::erase_if(row_sparse_,
                  [&](const std::string& name) { return fits_any(name, config.freeze); });
  }
  control_word_ = ControlWord(task_sums, world_size, row_sparse_.size());
  const FlatBuffers::Allocate allocate = [&](size_t count) {
    return exchange == nullptr ? nullptr : exchange->allocate(count);
  };
  buffers_ = std::make_unique<FlatBuffers>(task_->model(), device, control_word_.size(), allocate);
}

std::unique_ptr<Replica> replica_from(const Checkpoint& checkpoint, const RunConfig& config,
                                      torch::Device device) {
  const std::string origin = checkpoint.folder.string();
  std::unique_ptr<Replica> replica;
  try {
    replica =
        std::make_unique<Replica>(config, nlohmann::json::parse(checkpoint.state.model), device);
  } catch (const nlohmann::json::exception& error) {
    throw Error(ExitCode::corrupt, fmt::format("{}: state.json: model: {}", origin, error.what()));
  }
  replica->buffers().load(checkpoint.model, "", replica->buffers().parameters(), origin);
  replica->buffers().load_fixed(checkpoint.model, origin);
  replica->task().model().eval();
  return replica;
}

}  // namespace lockstep
