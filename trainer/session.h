// What the launcher asks of the trainer: one call per verb. Free of LibTorch and MPI types.
#pragma once

#include <atomic>
#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>

#include "data/base/error.h"
#include "trainer/comm/bench_sums.h"
#include "trainer/comm/communicator.h"
#include "trainer/comm/launch_environment.h"
#include "trainer/monitor/calibration.h"
#include "trainer/monitor/opinion_monitor.h"
#include "trainer/observers/observer.h"
#include "trainer/run_config.h"
#include "trainer/tasks/index_options.h"
#include "trainer/tasks/writing_options.h"

namespace lockstep {

/// How `train` treats checkpoints already in the run folder.
struct ResumeChoice {
  enum class Mode {
    automatic,  ///< continue from the newest intact checkpoint when there is one
    never,      ///< start anew; refused when the folder holds checkpoints
    path        ///< continue from `path`, or stop when it is not intact
  };
  Mode mode = Mode::automatic;
  std::filesystem::path path;
};

struct TrainRequest {
  RunConfig config;
  std::string config_name;  ///< stem of the config file
  std::string config_text;  ///< resolved YAML, written into the run folder
  ResumeChoice resume;
  int64_t trace_steps = 0;  ///< how many steps to trace into the run folder's trace.json
  bool quiet = false;       ///< no progress on the terminal
  bool colours = false;     ///< standard output is a terminal that shows them
  /// Set by a signal handler: stop at the next step boundary on which all ranks agree.
  const std::atomic<bool>* stop_requested = nullptr;
};

/// Collective. Trains until the end or until told to stop; `result.exit_code` is done or drained.
/// Throws the same Error on every rank.
RunResult train(const TrainRequest& request, Communicator& communicator);
/// `run.dir`, or where a run of that name lives when it is not set.
std::string run_dir_of(const RunConfig& config, const std::string& config_name);

/// Everything `train` would do before its first step; prints shapes, parameters, memory and the
/// length of the run to `out` on rank zero. Creates and changes nothing.
void dry_run(const TrainRequest& request, Communicator& communicator, std::ostream& out);

/// `source` is a run folder (its newest intact checkpoint) or one checkpoint folder. `data_path`
/// empty: the data set of the run. Collective; every rank gets the report.
struct EvaluateRequest {
  std::filesystem::path source;
  std::string split = "test";
  std::filesystem::path data_path;
  std::string device = "auto";
  int64_t batch_size = 0;  ///< 0: as in the run's config
};
EvaluationReport evaluate(const EvaluateRequest& request, Communicator& communicator);

/// Reads JSON lines from `in`, one sequence each: {"inputs": [[...features], ...], "id": any}, and
/// writes one JSON line each to `out`, in order: {"id", "label", "probabilities", ...}. A bad line
/// gets {"id", "error"} and the rest goes on; the number of bad lines is returned. A model that
/// continues tables reads the CSV file `table` instead and writes CSV.
struct PredictRequest {
  std::filesystem::path source;
  std::filesystem::path table;  ///< the file behind `in`; empty when it has no name
  std::string device = "auto";
  int64_t batch_size = 64;
  std::optional<WritingOptions> writing;  ///< for tasks that write texts only
  std::optional<IndexOptions> index;      ///< for those that answer from a file of templates
};
int64_t predict(const PredictRequest& request, std::istream& in, std::ostream& out);

/// Predicts the sequences of a split of a data set instead of JSON lines.
int64_t predict_split(const PredictRequest& request, const std::filesystem::path& data_path,
                      const std::string& split, std::ostream& out);

/// Reads dated texts, writes their topics and sentiments, and raises alerts: see
/// monitor/opinion_monitor.h. With a state file it goes on where it was, also after a crash: then
/// files have the same content as without.
struct MonitorRequest {
  std::vector<std::filesystem::path> topics;      ///< runs with the topics
  std::vector<std::filesystem::path> sentiments;  ///< runs with the sentiments; none: the same
  std::string input = "-";
  std::string output = "-";
  std::filesystem::path state;  ///< empty: none
  MonitorConfig config;
  bool end = false;  ///< nothing comes after the input: judge what is open
  /// Seconds between two writings of the state.
  double save_seconds = 10;
  /// Do not write results, but choose the threshold that gives so many alerts a month.
  std::optional<double> calibrate;
  std::string device = "auto";
  const std::atomic<bool>* stop_requested = nullptr;
};
struct MonitorResult {
  MonitorCounts counts;
  double seconds = 0;
  bool stopped = false;
  std::optional<Calibration> calibration;
};
MonitorResult monitor(const MonitorRequest& request, std::ostream& out);

/// Times training steps on generated data of the config's shapes. `result` has the keys of
/// result.json.
struct BenchStepRequest {
  RunConfig config;
  int64_t steps = 200;
  int64_t warmup_steps = 20;
  int64_t time = 28;  ///< steps of a generated sequence
  int64_t features = 28;
  int64_t classes = 10;
  bool ragged = false;      ///< lengths of 1 to `time` steps, as real data has them
  bool efficiency = false;  ///< also measure BenchStepResult::synchronisation_efficiency
};
struct BenchStepResult : RunResult {
  /// Time of a step without exchange (on the slowest rank) over time of a step with it.
  std::optional<double> synchronisation_efficiency;
  double flops_per_step = 0;         ///< of all ranks: matrix products by formula, real steps only
  double peak_flops_per_second = 0;  ///< of all ranks' threads, measured; 0 on GPUs
  double padding_fraction = 0;       ///< steps of the batch that are padding
  double forward_seconds = 0;        ///< of time.compute, on this rank
  double backward_seconds = 0;
  double update_seconds = 0;
  /// What a step takes of memory, on this rank: blocks for tensors and the bytes in them, how much
  /// of that the system was asked for, and pages that it gave (or gave back and took again).
  double tensor_blocks_per_step = 0;
  double tensor_bytes_per_step = 0;
  double system_blocks_per_step = 0;
  double system_bytes_per_step = 0;
  double page_faults_per_step = 0;
};
BenchStepResult bench_step(const BenchStepRequest& request, Communicator& communicator);

/// Times all-reduces between the ranks' CPU memory, through each transport there is.
struct BenchCommRequest {
  LaunchEnvironment environment;
  int64_t smallest_bytes = 1 << 10;  ///< and four times as many each time
  int64_t largest_bytes = 1 << 28;
  double seconds_per_size = 0.2;
  double timeout_seconds = 60;
};
/// The gradient of the founding recipe: measured besides the powers of four.
inline constexpr int64_t kRecipeGradientBytes = 352 << 10;
std::vector<SumFigure> bench_comm(const BenchCommRequest& request, Communicator& communicator);

}  // namespace lockstep
