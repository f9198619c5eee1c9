// The session behind `lockstep train`: from a request to a running loop.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "data/base/atomic_file.h"
#include "data/loader.h"
#include "trainer/run_folder.h"
#include "trainer/saved_config.h"
#include "trainer/session.h"
#include "trainer/session_parts.h"
#include "trainer/session_restore.h"
#include "trainer/trainer.h"

namespace lockstep {
namespace {

using nlohmann::json;

/// Collective. What the task does before the first step; rank zero's results are everybody's.
void prepare_task(Replica& replica, const RunData& data, ComputePlace& compute,
                  Communicator& host) {
  together(host, [&] { replica.task().prepare(*data.train); });
  for (const auto& [name, tensor] : replica.buffers().fixed()) {
    compute.exchange->broadcast(tensor.data_ptr<float>(), static_cast<size_t>(tensor.numel()), 0);
  }
}

RunInfo describe_run(const TrainRequest& request, const RunFolder& folder, const RunData& data,
                     Replica& replica, const ComputePlace& compute, const Trainer& trainer,
                     const TrainPosition& start, const std::vector<std::string>& hosts,
                     const std::vector<std::string>& notes) {
  RunInfo info;
  info.run_dir = folder.path;
  info.config_name = request.config_name;
  info.config_text = request.config_text;
  info.task = request.config.task;
  info.model_summary = replica.task().summary();
  info.device = compute.choice.name;
  info.communication = compute.exchange->name();
  info.hosts = hosts;
  info.world_size = static_cast<int>(hosts.size());
  info.parameters = replica.buffers().num_parameters();
  info.train_samples = data.train->size();
  info.batch_size = request.config.batch.size;
  info.steps_per_epoch = trainer.steps_per_epoch();
  info.total_steps = trainer.total_steps();
  info.start_step = start.step;
  info.log_every = request.config.train.log_every;
  info.notes = notes;
  return info;
}

TrainState unchanging_state(const TrainRequest& request, const RunFolder& folder,
                            const RunData& data, Replica& replica) {
  TrainState state;
  state.incarnation = folder.lock ? folder.lock->incarnation() : 1;
  state.data_fingerprint = data.dataset->manifest().fingerprint();
  state.task = request.config.task;
  state.config = saved_fields(request.config);
  state.model = replica.task().description().dump();
  return state;
}

/// 1 - mean / max of the ranks' compute seconds: the share of it that the slowest makes others
/// wait.
double imbalance(double own_seconds, Communicator& host) {
  double total = 0, largest = 0;
  for (const double seconds : gather_numbers(host, own_seconds)) {
    total += seconds;
    largest = std::max(largest, seconds);
  }
  return largest > 0 ? 1 - total / host.world_size() / largest : 0;
}

/// Rank zero's pictures of what the model makes of the first sequences of the last held-out split.
std::vector<Example> examples_of(const RunData& data, Replica& replica, WeightAverage& average) {
  constexpr int64_t kExamples = 6;
  if (data.held_out.empty() || replica.task().reads_streams()) return {};
  torch::NoGradGuard no_grad;
  const WeightAverage::InPlace averaged(average);
  replica.task().model().eval();
  const Split& split = data.held_out.back();
  LoaderOptions options;
  options.deal_whole_batches = true;
  const int64_t count = std::min(kExamples, split.size());
  Loader loader(split, Sampler(split.size(), {count, Shuffle::none}), options);
  const Batch* batch = loader.next();
  std::vector<Example> examples;
  if (batch != nullptr) examples = replica.task().examples(to_device(*batch, replica.device()));
  replica.task().model().train();
  return examples;
}

/// Runs the loop; whatever its end, the observers hear of it.
RunResult run_and_report(Trainer& trainer, const RunFolder& folder, const RunData& data,
                         Replica& replica, WeightAverage& average, Communicator& host) {
  try {
    RunResult result = trainer.run();
    result.imbalance_fraction = imbalance(result.time.compute, host);
    if (folder.observers) {
      result.examples = examples_of(data, replica, average);
      folder.observers->on_finish(result);
    }
    return result;
  } catch (const Error& error) {
    if (folder.observers) {
      RunResult result = trainer.result("failed", error.code());
      result.message = error.what();
      folder.observers->on_finish(result);
    }
    throw;
  }
}

std::vector<std::string> hosts_of(Communicator& host) {
  return host.all_gather_bytes(host.place().host);
}

std::vector<const Split*> pointers_to(const std::vector<Split>& splits) {
  std::vector<const Split*> pointers;
  for (const Split& split : splits) pointers.push_back(&split);
  return pointers;
}

std::vector<std::string> names_of(const std::vector<Split>& splits) {
  std::vector<std::string> names;
  for (const Split& split : splits) names.push_back(split.name());
  return names;
}

}  // namespace

std::string run_dir_of(const RunConfig& config, const std::string& config_name) {
  return config.run.dir.empty() ? "runs/" + config_name : config.run.dir;
}

RunResult train(const TrainRequest& request, Communicator& host) {
  const RunConfig& config = request.config;
  require_same_config_on_all(config, host);
  require_legal_world(config, host.world_size());
  ComputePlace compute = prepare_compute(config, host);
  RunData data = open_run_data(config, host);
  json description;
  together(host,
           [&] { description = find_task(config.task).describe_data(data.dataset->manifest()); });
  const auto replica =
      std::make_unique<Replica>(config, description, compute.device, compute.exchange);
  const std::vector<Span> shards = shards_for(config, replica->buffers(), host.world_size());
  const std::unique_ptr<Optimizer> optimizer =
      make_optimizer(config, replica->buffers(), shards, host.rank());
  prepare_task(*replica, data, compute, host);
  std::optional<Selection> selection;
  together(host, [&] {
    selection.emplace(config.select, config.schedule, names_of(data.held_out),
                      config.data.validation_split);
  });
  WeightAverage average(config.train.average, replica->buffers());
  RunFolder folder = open_run_folder(request, host);
  if (!compute.choice.warning.empty()) warn(folder, compute.choice.warning);
  std::vector<std::string> notes;
  const TrainPosition start =
      restore_or_broadcast(request, folder, data.dataset->manifest(),
                           {*replica, *optimizer, average, *selection}, compute, host, notes);
  together(host, [&] {
    if (!host.is_root()) return;
    write_file_atomically(folder.path / "config.yaml", request.config_text);
    if (config.data.log_samples) SampleLog::cut_after(folder.path, start.step);
  });
  std::optional<SampleLog> samples;
  together(host, [&] {
    if (config.data.log_samples) samples.emplace(folder.path, host.rank());
  });
  Trainer trainer({config, *replica, *optimizer, host, *compute.exchange, *data.train,
                   pointers_to(data.held_out), folder.observers.get(), average, *selection,
                   folder.checkpoints.get(), folder.best.get(), shards, request.trace_steps,
                   folder.path, unchanging_state(request, folder, data, *replica),
                   request.stop_requested, samples ? &*samples : nullptr},
                  start);
  if (trainer.finished() && finished_before(folder, start.step, host)) {
    warn(folder, fmt::format("{} is finished after step {}; to train on, raise train.epochs or "
                             "train.steps, to train anew, choose another run.dir",
                             folder.path.string(), start.step));
    return trainer.result("finished", ExitCode::done);
  }
  const std::vector<std::string> hosts = hosts_of(host);
  if (folder.observers) {
    folder.observers->on_start(
        describe_run(request, folder, data, *replica, compute, trainer, start, hosts, notes));
  }
  return run_and_report(trainer, folder, data, *replica, average, host);
}

}  // namespace lockstep
