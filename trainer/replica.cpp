#include "trainer/replica.h"

#include "data/base/error.h"

namespace lockstep {

Replica::Replica(const RunConfig& config, const nlohmann::json& description, torch::Device device)
    : device_(device) {
  torch::manual_seed(static_cast<uint64_t>(config.run.seed));
  task_ = find_task(config.task).make(config.model, description);
  num_task_sums_ = static_cast<int64_t>(task_->sum_names().size());
  buffers_ =
      std::make_unique<FlatBuffers>(task_->model(), device, num_task_sums_ + ControlWord::kSize);
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
  replica->task().model().eval();
  return replica;
}

}  // namespace lockstep
