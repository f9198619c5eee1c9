// One rank's copy of the model: the task's network with its parameters in flat buffers.
#pragma once

#include "trainer/model/libtorch.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "trainer/checkpoint.h"
#include "trainer/flat_buffers.h"
#include "trainer/run_config.h"
#include "trainer/tasks/task.h"

namespace lockstep {

/// What travels with the gradients behind their last value, summed over ranks like them. Behind the
/// task's own sums (loss, targets, ...):
struct ControlWord {
  static constexpr int64_t kStop = 0;         ///< ranks that were asked to stop
  static constexpr int64_t kNotFinite = 1;    ///< ranks whose own gradient is not finite
  static constexpr int64_t kSquaredNorm = 2;  ///< sum of each rank's squared gradient norm
  static constexpr int64_t kSize = 3;
};

class Replica {
 public:
  /// Fresh parameters from `config.run.seed`, the same on every rank and device.
  Replica(const RunConfig& config, const nlohmann::json& description, torch::Device device);

  Task& task() { return *task_; }
  FlatBuffers& buffers() { return *buffers_; }
  torch::Device device() const { return device_; }
  int64_t num_task_sums() const { return num_task_sums_; }

 private:
  torch::Device device_;
  std::unique_ptr<Task> task_;
  int64_t num_task_sums_ = 0;
  std::unique_ptr<FlatBuffers> buffers_;
};

/// A replica with a checkpoint's weights, for evaluation and prediction. Throws Error(corrupt).
std::unique_ptr<Replica> replica_from(const Checkpoint& checkpoint, const RunConfig& config,
                                      torch::Device device);

}  // namespace lockstep
