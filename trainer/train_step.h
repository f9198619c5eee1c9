// One optimizer step: loss, backward, exchange, update. The heart of training, used by the trainer
// and by `bench step` alike.
#pragma once

#include <string>
#include <vector>

#include "data/batch.h"
#include "trainer/comm/communicator.h"
#include "trainer/optimizer.h"
#include "trainer/replica.h"
#include "trainer/run_config.h"

namespace lockstep {

/// What a step did, the same on every rank (but for the seconds).
struct StepOutcome {
  std::vector<double> sums;  ///< the task's, over the global batch
  double gradient_norm = 0;  ///< of the mean loss, before clipping
  bool stop_agreed = false;  ///< some rank was asked to stop
  double compute_seconds = 0;
  double communication_seconds = 0;
};

class TrainStep {
 public:
  TrainStep(const RunConfig& config, Replica& replica, Optimizer& optimizer,
            Communicator& exchange);

  /// Collective. `step` counts from 1. Throws JobError(not_finite) on all ranks, parameters
  /// untouched, naming the ranks and parameters where the gradient is not finite.
  StepOutcome run(const Batch& batch, int64_t step, double learning_rate, bool want_stop);

 private:
  void compute_gradients(const Batch& batch, int64_t step);
  void compute_lanes_in_tree_order(const Batch& batch, int64_t step);
  void add_gradients_of(const Batch& batch, int64_t begin, int64_t end, int64_t step);
  void write_control_word(bool want_stop);
  std::vector<double> read_control_word() const;
  void exchange_gradients();
  void require_finite(double norm, int64_t step);

  const RunConfig& config_;
  Replica& replica_;
  Optimizer& optimizer_;
  Communicator& exchange_;
  std::string not_finite_parameter_;      ///< of this rank's own gradient; empty when finite
  std::vector<torch::Tensor> lane_sums_;  ///< unfinished subtrees, one per level
};

}  // namespace lockstep
