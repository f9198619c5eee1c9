// One rank's copy of the model: the task's network with its parameters in flat buffers.
#pragma once

#include "trainer/model/libtorch.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "trainer/checkpoint.h"
#include "trainer/comm/communicator.h"
#include "trainer/control_word.h"
#include "trainer/flat_buffers.h"
#include "trainer/run_config.h"
#include "trainer/tasks/task.h"

namespace lockstep {

class Replica {
 public:
  /// Fresh parameters from `config.run.seed`, the same on every rank and device. `exchange` is
  /// where gradients will be summed, null when they will not; its memory must outlive this.
  /// Collective with it.
  Replica(const RunConfig& config, const nlohmann::json& description, torch::Device device,
          Communicator* exchange = nullptr);

  Task& task() { return *task_; }
  FlatBuffers& buffers() { return *buffers_; }
  torch::Device device() const { return device_; }
  int64_t num_task_sums() const { return control_word_.task_sums(); }
  /// The task's, where gradients are exchanged by rows; empty where they are not.
  const std::vector<std::string>& row_sparse_parameters() const { return row_sparse_; }
  /// How the tail of the gradients is laid out.
  const ControlWord& control_word() const { return control_word_; }

 private:
  torch::Device device_;
  std::unique_ptr<Task> task_;
  std::vector<std::string> row_sparse_;
  ControlWord control_word_{0, 1};
  std::unique_ptr<FlatBuffers> buffers_;
};

/// A replica with a checkpoint's weights, for evaluation and prediction. Throws Error(corrupt).
std::unique_ptr<Replica> replica_from(const Checkpoint& checkpoint, const RunConfig& config,
                                      torch::Device device);

}  // namespace lockstep
