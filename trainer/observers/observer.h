// What a run tells those who watch it. Observers live on rank zero only, never block a step on
// anything but a local file, and know nothing of tensors or ranks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/base/png.h"

namespace lockstep {

/// Named values in the order in which they are shown: {"loss", 0.31}, {"accuracy", 0.91}.
using Metrics = std::vector<std::pair<std::string, double>>;

/// A held-out sequence and what the model makes of it, for people to look at.
struct Example {
  std::string text;                                       ///< may be empty
  std::vector<std::pair<std::string, Picture>> pictures;  ///< each with what it shows
};

/// Known before the first step.
struct RunInfo {
  std::filesystem::path run_dir;
  std::string config_name;  ///< stem of the config file
  std::string config_text;  ///< resolved YAML
  std::string task;
  std::string model_summary;       ///< one line: "lstm 28 -> 128, linear 128 -> 10"
  std::string device;              ///< "cpu", "cuda: NVIDIA H100"
  std::string communication;       ///< "alone", "mpi", "nccl"
  std::vector<std::string> hosts;  ///< of each rank
  int world_size = 1;
  int64_t parameters = 0;
  int64_t train_samples = 0;
  int64_t batch_size = 0;  ///< global
  int64_t steps_per_epoch = 0;
  int64_t total_steps = 0;
  int64_t start_step = 0;  ///< greater than 0 when continued from a checkpoint
  int64_t log_every = 0;
  std::vector<std::string> notes;  ///< lines for people: where the weights come from
};

/// Where the time of an interval went; seconds, summed over its steps, on rank zero.
struct TimeSplit {
  double compute = 0;
  double communication = 0;
  double data = 0;  ///< waiting for the loader
  double checkpoint = 0;
  double evaluation = 0;
  double other = 0;
  double total() const { return compute + communication + data + checkpoint + evaluation + other; }
};

/// The steps since the last such report, over all ranks.
struct IntervalReport {
  int64_t step = 0;   ///< steps done so far
  int64_t epoch = 0;  ///< counted from 1
  int64_t steps = 0;  ///< in this interval
  Metrics metrics;    ///< "loss" first; of the interval, not of one batch
  double learning_rate = 0;
  double gradient_norm = 0;  ///< of the last step, before clipping
  /// Batch size, in targets, beyond which more data per step stops paying (McCandlish et al. 2018);
  /// empty on one rank, not a number when the interval does not tell.
  std::optional<double> noise_scale;
  double seconds = 0;
  int64_t samples = 0;
  int64_t tokens = 0;  ///< real steps of the inputs, without padding
  TimeSplit time;
};

/// A whole split, evaluated at a step.
struct EvaluationReport {
  int64_t step = 0;
  int64_t epoch = 0;  ///< counted from 1
  std::string split;
  Metrics metrics;
  /// Figures of each class by its label, of tasks that have classes.
  std::vector<std::pair<std::string, Metrics>> classes = {};
  int64_t samples = 0;
  double seconds = 0;
};

/// An epoch that has just ended: a row of the table.
struct EpochReport {
  int64_t epoch = 0;  ///< counted from 1
  int64_t step = 0;
  Metrics train;                              ///< running means over the epoch's batches
  std::vector<EvaluationReport> evaluations;  ///< made at the epoch's end
  double seconds = 0;                         ///< of training, evaluation not counted
  int64_t samples = 0;
};

/// A committed checkpoint.
struct CheckpointReport {
  int64_t step = 0;
  std::filesystem::path folder;
  double seconds = 0;
  int64_t bytes = 0;
};

/// The end of a run; what result.json holds (see design: contract for scripts).
struct RunResult {
  std::string status;   ///< "finished", "drained", "failed"
  std::string message;  ///< of the error when failed; why it ended early
  int exit_code = 0;
  int64_t steps = 0;
  int64_t epochs = 0;
  double seconds = 0;
  double samples_per_second = 0;  ///< of training steps, evaluation and checkpoints not counted
  double tokens_per_second = 0;
  double step_milliseconds_p50 = 0;
  double step_milliseconds_p95 = 0;
  TimeSplit time;
  double padding_fraction = 0;
  double imbalance_fraction = 0;
  /// Seconds of communication that went on behind compute, on rank zero; not part of `time`.
  double hidden_communication_seconds = 0;
  int64_t row_exchanges = 0;    ///< gradients that travelled as the rows a step touched
  int64_t optimizer_bytes = 0;  ///< state of rank zero's optimizer
  int64_t peak_memory_bytes = 0;
  std::vector<EvaluationReport> evaluations;  ///< the last of each split
  std::vector<EvaluationReport> best;         ///< of the evaluation that was the best; may be empty
  std::string best_in_words;                  ///< "validation accuracy 0.91 at step 900"
  std::vector<Example> examples;              ///< of the last held-out split; of some tasks
  std::string parameters_sha256;
  std::vector<std::string> sample_order_sha256;               ///< of each epoch begun
  std::vector<std::pair<std::string, std::string>> versions;  ///< {"lockstep", "0.1.0"}, ...
  std::string last_checkpoint;                                ///< folder, empty when none
};

class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_start(const RunInfo&) {}
  virtual void on_interval(const IntervalReport&) {}
  virtual void on_evaluation(const EvaluationReport&) {}
  virtual void on_epoch(const EpochReport&) {}
  virtual void on_checkpoint(const CheckpointReport&) {}
  virtual void on_warning(const std::string&) {}
  virtual void on_finish(const RunResult&) {}
};

/// Calls each of several observers in order.
class Observers : public Observer {
 public:
  void add(std::unique_ptr<Observer> observer) { observers_.push_back(std::move(observer)); }
  void on_start(const RunInfo& info) override;
  void on_interval(const IntervalReport& report) override;
  void on_evaluation(const EvaluationReport& report) override;
  void on_epoch(const EpochReport& report) override;
  void on_checkpoint(const CheckpointReport& report) override;
  void on_warning(const std::string& text) override;
  void on_finish(const RunResult& result) override;

 private:
  std::vector<std::unique_ptr<Observer>> observers_;
};

}  // namespace lockstep
