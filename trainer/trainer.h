// The training loop.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "trainer/batch_order.h"
#include "trainer/checkpoint.h"
#include "trainer/comm/communicator.h"
#include "trainer/observers/observer.h"
#include "trainer/optimizer.h"
#include "trainer/replica.h"
#include "trainer/run_config.h"
#include "trainer/sample_log.h"
#include "trainer/selection.h"
#include "trainer/stopwatch.h"
#include "trainer/train_step.h"
#include "trainer/weight_average.h"

namespace lockstep {

/// Where a run is. Together with parameters and optimizer state this is all that a continuation
/// needs; it knows nothing of the world size.
struct TrainPosition {
  int64_t step = 0;                ///< optimizer steps done
  LoaderStart next;                ///< the next global batch
  std::vector<double> epoch_sums;  ///< the task's sums over the epoch begun
};

/// In front of the names of weights that lie with the optimizer's state.
inline constexpr const char* kTrainedPrefix = "trained/";

/// What the loop works with; the session makes it and keeps it alive.
struct TrainerParts {
  const RunConfig& config;
  Replica& replica;
  Optimizer& optimizer;
  Communicator& communicator;  ///< host memory: agreement and counts
  Communicator& exchange;      ///< memory of the device: gradients
  const Split& train;
  std::vector<const Split*> held_out;  ///< evaluated while training
  Observer* observer = nullptr;        ///< on rank zero; null elsewhere
  WeightAverage& average;
  Selection& selection;
  CheckpointStore* checkpoints = nullptr;  ///< on rank zero; null elsewhere
  CheckpointStore* best = nullptr;         ///< the same
  std::vector<Span> shards;  ///< each rank's part of the optimizer; empty when not sharded
  int64_t trace_steps = 0;   ///< how many steps go into `run_dir`/trace.json
  std::filesystem::path run_dir;
  TrainState saved;  ///< of what never changes: config, fingerprint, incarnation, ...
  const std::atomic<bool>* stop_requested = nullptr;
  SampleLog* samples = nullptr;  ///< null: nobody wants to know
};

class Trainer {
 public:
  Trainer(TrainerParts parts, TrainPosition start);

  /// Collective. Trains to the end of the run or until all ranks agree to stop.
  RunResult run();

  bool finished() const {
    return position_.step >= total_steps() || parts_.selection.out_of_patience();
  }
  /// 0 when epochs differ in their number of steps.
  int64_t steps_per_epoch() const { return steps_per_epoch_; }
  int64_t total_steps() const { return total_steps_; }
  /// What the run looks like so far; also for a run that failed.
  RunResult result(const std::string& status, ExitCode code);

 private:
  /// Sums of the steps since some moment.
  struct Window {
    std::vector<double> sums;
    GradientNoise noise;  ///< sums over steps
    int64_t steps = 0;
    int64_t samples = 0;
    int64_t tokens = 0;
    TimeSplit time;
    Stopwatch watch;
  };

  void step();
  const Batch& next_batch();
  void count(const Batch& batch, const StepOutcome& outcome, double data_seconds, double seconds);
  void after_step();
  void end_epoch();
  void log_interval();
  std::vector<EvaluationReport> evaluate();
  void checkpoint();
  CheckpointReport save(CheckpointStore* store, int64_t keep);
  void require_equal_replicas();
  void finish_trace();
  void restart(Window& window);

  TrainerParts parts_;
  TrainPosition position_;
  BatchOrder order_;
  int64_t total_steps_ = 0;
  int64_t steps_per_epoch_ = 0;
  std::unique_ptr<BatchSource> batches_;
  TrainStep train_step_;
  double learning_rate_ = 0;
  double gradient_norm_ = 0;
  int64_t row_exchanges_ = 0;
  bool stop_agreed_ = false;
  Window interval_;
  Window epoch_;
  Window run_;
  std::vector<float> step_seconds_;
  int64_t trace_until_ = 0;       ///< the last step of the trace; 0 when there is none
  std::vector<int64_t> padding_;  ///< {real, padded} steps of this rank's inputs
  std::vector<EvaluationReport> last_evaluations_;
  int64_t evaluated_step_ = -1;
  int64_t saved_step_ = -1;
  std::string last_checkpoint_;
  CheckpointReport last_commit_;  ///< on rank zero, to either store
};

}  // namespace lockstep
