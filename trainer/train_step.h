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
#include "trainer/device_batch.h"
#include "trainer/gradient_buckets.h"
#include "trainer/optimizer.h"
#include "trainer/replica.h"
#include "trainer/row_exchange.h"
#include "trainer/run_config.h"

namespace lockstep {

/// Parts of a step's compute time; what is left of it are norms, checks and the like.
struct ComputeSplit {
  double forward = 0, backward = 0, update = 0;  ///< seconds
};

/// What a step did, the same on every rank (but for the seconds).
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

/// In a steady state nothing here allocates, unless the batch is cut into parts or rows travel:
/// what a step needs is kept from the step before. What LibTorch allocates for the graph of the
/// loss is in small pieces, and tensors come out of the tensor cache.
class TrainStep {
 public:
  /// `shards`: each rank's part of the optimizer, as `optimizer` has it; empty when not sharded.
  TrainStep(const RunConfig& config, Replica& replica, Optimizer& optimizer, Communicator& exchange,
            std::vector<Span> shards);

  /// Collective. `step` counts from 1. Throws JobError on all ranks, parameters untouched:
  /// not_finite, naming the ranks and parameters where the gradient is not finite; diverged, naming
  /// the ranks whose parameters differ. The outcome is valid until the next step.
  const StepOutcome& run(const Batch& batch, int64_t step, double learning_rate, bool want_stop);

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
  void sum_row_sparse_buckets();
  SumRequest request_for(const Bucket& bucket) const;
  void read_control_word();
  double squared_norm_of_sum();
  bool update(int64_t step, double learning_rate);
  void clip_values(double scale, double most);
  std::string where_not_finite();
  void require_equal_replicas(int64_t step) const;
  uint32_t fingerprint(int64_t step) const;

  const RunConfig& config_;
  Replica& replica_;
  Optimizer& optimizer_;
  Communicator& exchange_;
  std::vector<Span> shards_;
  GradientBuckets buckets_;
  std::vector<SumRequest> requests_;             ///< by bucket
  std::optional<size_t> last_dense_;             ///< the bucket that waits for the control word
  std::map<size_t, RowExchange> row_exchanges_;  ///< by bucket
  std::vector<torch::Tensor> gradient_of_;       ///< by parameter; views
  torch::Tensor own_gradients_;                  ///< that the optimizer works on; a view
  torch::Tensor task_sums_, rank_words_;         ///< the control word's two parts; views
  torch::Tensor loss_targets_;                   ///< one of the sums; a view
  torch::Tensor own_word_;                       ///< this rank's second part, in host memory
  std::vector<torch::Tensor> lane_sums_;         ///< unfinished subtrees, one per level
  int64_t left_out_in_a_row_ = 0;

  // Of the step at hand:
  StepOutcome outcome_;
  DeviceBatch part_;
  size_t lanes_ = 1;                  ///< of this rank
  RankReport report_;                 ///< this rank's
  std::string not_finite_parameter_;  ///< of this rank's own gradient; empty when finite
  ControlWord::Reading word_;
  std::vector<int64_t> rows_;            ///< of a row-sparse gradient, by rank
  std::vector<double> squares_;          ///< of this rank's blocks
  std::vector<int64_t> squares_of_all_;  ///< of all blocks, as bits
};

/// Each rank's part of the flat buffers, cut so that norms are the same however many ranks there
/// are.
std::vector<Span> make_shards(const FlatBuffers& buffers, int world_size);

}  // namespace lockstep
