// One optimizer step: loss, backward, exchange, update. The heart of training, used by the trainer
// and by `bench step` alike.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/batch.h"
#include "trainer/comm/communicator.h"
#include "trainer/control_word.h"
#include "trainer/gradient_buckets.h"
#include "trainer/optimizer.h"
#include "trainer/replica.h"
#include "trainer/row_exchange.h"
#include "trainer/run_config.h"

namespace lockstep {

/// What a step did, the same on every rank (but for the seconds).
/// Parts of a step's compute time; what is left of it are norms, checks and the like.
struct ComputeSplit {
  double forward = 0, backward = 0, update = 0;  ///< seconds
};

struct StepOutcome {
  std::vector<double> sums;  ///< the task's, over the global batch
  double gradient_norm = 0;  ///< of the mean loss, before clipping
  GradientNoise noise;
  bool stop_agreed = false;   ///< some rank was asked to stop
  int64_t row_exchanges = 0;  ///< gradients that travelled by rows
  std::string left_out;       ///< why there was no update; empty when there was one
  double compute_seconds = 0;
  ComputeSplit compute;
  double communication_seconds = 0;  ///< that nothing else hid
};

class TrainStep {
 public:
  /// `shards`: each rank's part of the optimizer, as `optimizer` has it; empty when not sharded.
  TrainStep(const RunConfig& config, Replica& replica, Optimizer& optimizer, Communicator& exchange,
            std::vector<Span> shards);

  /// Collective. `step` counts from 1. Throws JobError on all ranks, parameters untouched:
  /// not_finite, naming the ranks and parameters where the gradient is not finite; diverged, naming
  /// the ranks whose parameters differ.
  StepOutcome run(const Batch& batch, int64_t step, double learning_rate, bool want_stop);

 private:
  void prepare_gathering();
  void compute_and_start_sums(const Batch& batch, int64_t step);
  void compute_lane(const Batch& batch, size_t lane, int64_t step);
  void add_gradients_of(const Batch& batch, int64_t begin, int64_t end, int64_t step);
  void keep_lane(size_t lane);
  void on_complete(size_t bucket);
  void join_lanes(int64_t begin, int64_t end);
  void join_lanes_and_measure(size_t bucket);
  void write_control_word(bool want_stop);
  void sum_last_bucket();
  void sum_row_sparse_buckets(const ControlWord::Reading& word, StepOutcome& outcome);
  SumRequest request_for(size_t bucket) const;
  ControlWord::Reading read_control_word() const;
  double squared_norm_of_sum();
  bool update(int64_t step, double learning_rate, const ControlWord::Reading& word,
              StepOutcome& outcome);
  std::string where_not_finite();
  void require_equal_replicas(const ControlWord::Reading& word, int64_t step) const;
  uint32_t fingerprint(int64_t step) const;

  const RunConfig& config_;
  Replica& replica_;
  Optimizer& optimizer_;
  Communicator& exchange_;
  std::vector<Span> shards_;
  GradientBuckets buckets_;
  std::optional<size_t> last_dense_;             ///< the bucket that waits for the control word
  std::map<size_t, RowExchange> row_exchanges_;  ///< by bucket
  RankReport report_;                            ///< this rank's of the step at hand
  std::string not_finite_parameter_;             ///< of this rank's own gradient; empty when finite
  std::vector<torch::Tensor> lane_sums_;         ///< unfinished subtrees, one per level
  size_t lanes_ = 1;                             ///< of this rank in the step at hand
  ComputeSplit compute_;                         ///< the same
  int64_t left_out_in_a_row_ = 0;
};

/// Each rank's part of the flat buffers, cut so that norms are the same however many ranks there
/// are.
std::vector<Span> make_shards(const FlatBuffers& buffers, int world_size);

}  // namespace lockstep
