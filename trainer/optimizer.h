// Update rules over flat buffers: one pass, nothing per parameter.
#pragma once

#include "trainer/model/libtorch.h"

#include <map>
#include <string>
#include <vector>

#include "trainer/flat_buffers.h"
#include "trainer/optimizer_config.h"

namespace lockstep {

class Optimizer {
 public:
  Optimizer(const OptimizerConfig& config, FlatBuffers& buffers);

  /// One update with gradients * gradient_scale. `step` counts updates from 1 (Adam's bias
  /// correction needs it).
  void update(int64_t step, double learning_rate, double gradient_scale);

  /// State as tensors named "exp_avg/PARAMETER" and so on; `host_copies` keep the memory alive.
  std::vector<TensorView> state(std::vector<torch::Tensor>& host_copies) const;
  /// The buffers themselves, for a broadcast.
  std::vector<torch::Tensor> state_buffers() const;
  int64_t num_states() const { return static_cast<int64_t>(state_.size()); }
  void load_state(const std::map<std::string, StoredTensor>& tensors, const std::string& origin);

 private:
  void adam(int64_t step, double learning_rate, double gradient_scale);
  void sgd(double learning_rate, double gradient_scale);

  OptimizerConfig config_;
  FlatBuffers& buffers_;
  std::map<std::string, torch::Tensor> state_;  ///< by state name, laid out like the parameters
};

/// L2 norm of a flat buffer, in double, in a fixed order.
double norm_of(const torch::Tensor& values);

}  // namespace lockstep
