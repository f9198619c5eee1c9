#include "trainer/trainer.h"

#include <fmt/ranges.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/base/atomic_file.h"
#include "data/base/trace.h"
#include "trainer/carried_state.h"
#include "trainer/evaluation.h"
#include "trainer/host_memory.h"
#include "trainer/schedule.h"
#include "trainer/versions.h"

namespace lockstep {
namespace {

int64_t sum(const std::vector<int64_t>& values) {
  return std::accumulate(values.begin(), values.end(), int64_t{0});
}

double percentile(std::vector<float> values, double share) {
  if (values.empty()) return 0;
  const auto rank = static_cast<int64_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + rank, values.end());
  return values[static_cast<size_t>(rank)];
}

int64_t peak_memory_bytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace

Trainer::Trainer(TrainerParts parts, TrainPosition start)
    : parts_(std::move(parts)),
      position_(std::move(start)),
      order_(parts_.config, parts_.train, parts_.replica.task().reads_streams()),
      batches_(order_.open(parts_.communicator.rank(), parts_.communicator.world_size(),
                           batch_memory(parts_.replica.device()), position_.next)),
      train_step_(parts_.config, parts_.replica, parts_.optimizer, parts_.exchange, parts_.shards),
      padding_(2, 0) {
  const TrainSection& train = parts_.config.train;
  total_steps_ = train.steps > 0 ? train.steps : order_.total_batches(train.epochs);
  steps_per_epoch_ = order_.epochs_are_alike() ? order_.batches_in_epoch(0) : 0;
  for (Window* window : {&interval_, &epoch_, &run_}) restart(*window);
  const auto num_sums = static_cast<size_t>(parts_.replica.num_task_sums());
  position_.epoch_sums.resize(num_sums, 0.0);
  epoch_.sums = position_.epoch_sums;
  constexpr int64_t kMostForeseen = 1 << 20;
  step_seconds_.reserve(
      static_cast<size_t>(std::clamp<int64_t>(total_steps_ - position_.step, 0, kMostForeseen)));
  if (parts_.trace_steps > 0) {
    trace_until_ = position_.step + parts_.trace_steps;
    Trace::name_thread("compute");
    Trace::start();
  }
}

RunResult Trainer::run() {
  parts_.replica.task().model().train();
  while (!finished() && !stop_agreed_) {
    step();
    after_step();
  }
  finish_trace();
  if (finished() && evaluated_step_ != position_.step) evaluate();
  if (saved_step_ != position_.step) checkpoint();
  return finished() ? result("finished", ExitCode::done) : result("drained", ExitCode::drained);
}

void Trainer::step() {
  const Stopwatch whole;
  const double waited_before = batches_->waited_seconds();
  const Batch& batch = next_batch();
  const double data_seconds = batches_->waited_seconds() - waited_before;
  const int64_t number = position_.step + 1;
  learning_rate_ = parts_.config.optimizer.learning_rate * parts_.selection.rate_factor() *
                   schedule_factor(parts_.config.schedule, number, total_steps());
  const bool want_stop = parts_.stop_requested != nullptr && parts_.stop_requested->load();
  const StepOutcome& outcome = train_step_.run(batch, number, learning_rate_, want_stop);
  parts_.average.update(number);
  position_.step = number;
  gradient_norm_ = outcome.gradient_norm;
  row_exchanges_ += outcome.row_exchanges;
  stop_agreed_ = outcome.stop_agreed;
  if (!outcome.left_out.empty() && parts_.observer != nullptr) {
    parts_.observer->on_warning(outcome.left_out + "; this step is left out");
  }
  if (parts_.samples != nullptr) {
    parts_.samples->add(number, position_.next.epoch + 1, batch.sample_ids);
  }
  count(batch, outcome, data_seconds, whole.seconds());
}

const Batch& Trainer::next_batch() {
  const TraceSpan span("wait for data");
  return *batches_->next();
}

void Trainer::count(const Batch& batch, const StepOutcome& outcome, double data_seconds,
                    double seconds) {
  const BatchStream& inputs = batch.inputs();
  padding_[0] += sum(inputs.lengths);
  padding_[1] += inputs.time * inputs.batch;
  // Real steps of the other ranks are known once, at the end; their share of a batch is as ours.
  const int64_t tokens =
      batch.size() == 0 ? 0 : sum(inputs.lengths) * batch.global_samples / batch.size();
  for (Window* window : {&interval_, &epoch_, &run_}) {
    for (size_t i = 0; i < outcome.sums.size(); ++i) window->sums[i] += outcome.sums[i];
    window->noise.squared_gradient += outcome.noise.squared_gradient;
    window->noise.covariance_trace += outcome.noise.covariance_trace;
    window->steps += 1;
    window->samples += batch.global_samples;
    window->tokens += tokens;
    window->time.data += data_seconds;
    window->time.compute += outcome.compute_seconds;
    window->time.communication += outcome.communication_seconds;
    window->time.other +=
        seconds - data_seconds - outcome.compute_seconds - outcome.communication_seconds;
  }
  step_seconds_.push_back(static_cast<float>(seconds));
  position_.epoch_sums = epoch_.sums;
  position_.next.index += 1;
}

/// What is due between two steps.
void Trainer::after_step() {
  if (position_.step == trace_until_) finish_trace();
  const auto due = [&](int64_t every) { return every > 0 && position_.step % every == 0; };
  if (due(parts_.config.train.log_every)) log_interval();
  const bool epoch_ended = position_.next.index == order_.batches_in_epoch(position_.next.epoch);
  if (due(parts_.config.evaluate.every)) evaluate();
  if (epoch_ended) end_epoch();
  const int64_t save_every = parts_.config.checkpoint.every;
  if (due(save_every) || (save_every == 0 && epoch_ended)) checkpoint();
}

void Trainer::end_epoch() {
  EpochReport report;
  report.epoch = position_.next.epoch + 1;
  report.step = position_.step;
  report.train = parts_.replica.task().metrics(epoch_.sums);
  report.seconds = epoch_.time.total();
  report.samples = epoch_.samples;
  if (parts_.config.evaluate.every == 0) evaluate();
  if (evaluated_step_ == position_.step) report.evaluations = last_evaluations_;
  if (parts_.observer != nullptr) parts_.observer->on_epoch(report);
  position_.next = {position_.next.epoch + 1, 0};
  restart(epoch_);
  position_.epoch_sums = epoch_.sums;
}

void Trainer::log_interval() {
  if (parts_.observer != nullptr) {
    IntervalReport report;
    report.step = position_.step;
    report.epoch = position_.next.epoch + 1;
    report.steps = interval_.steps;
    report.metrics = parts_.replica.task().metrics(interval_.sums);
    report.learning_rate = learning_rate_;
    report.gradient_norm = gradient_norm_;
    if (parts_.communicator.world_size() > 1) {
      const GradientNoise& noise = interval_.noise;
      report.noise_scale =
          noise.squared_gradient > 0 ? noise.covariance_trace / noise.squared_gradient : NAN;
    }
    report.seconds = interval_.time.total();
    report.samples = interval_.samples;
    report.tokens = interval_.tokens;
    report.time = interval_.time;
    parts_.observer->on_interval(report);
  }
  restart(interval_);
}

std::vector<EvaluationReport> Trainer::evaluate() {
  if (evaluated_step_ == position_.step) return last_evaluations_;
  const Stopwatch watch;
  const EvaluateSection& section = parts_.config.evaluate;
  last_evaluations_.clear();
  {
    const WeightAverage::InPlace averaged(parts_.average);
    for (const Split* split : parts_.held_out) {
      EvaluationReport report = evaluate_split(
          parts_.replica, *split,
          {.batch_size = section.batch_size,
           .on_all_ranks = section.ranks == "all",
           .prefetch = parts_.config.data.prefetch,
           .threads = parts_.config.data.threads,
           .steps = parts_.config.data.steps,
           .window = parts_.config.batch.window,
           .decode = section.decode == "always" || (section.decode == "end" && finished())},
          parts_.communicator);
      report.step = position_.step;
      report.epoch = position_.next.epoch + 1;
      if (parts_.observer != nullptr) parts_.observer->on_evaluation(report);
      last_evaluations_.push_back(std::move(report));
    }
  }
  evaluated_step_ = position_.step;
  run_.time.evaluation += watch.seconds();
  parts_.selection.see(last_evaluations_);
  if (parts_.config.select.keep_best && parts_.selection.last_is_best()) save(parts_.best, 1);
  return last_evaluations_;
}

void Trainer::checkpoint() {
  if (saved_step_ == position_.step) return;
  const CheckpointReport report = save(parts_.checkpoints, parts_.config.checkpoint.keep);
  saved_step_ = position_.step;
  if (parts_.observer != nullptr) {
    last_checkpoint_ = report.folder.string();
    parts_.observer->on_checkpoint(report);
  }
}

/// Collective. The model file has the weights to predict with; where those are an average, the
/// ones being trained lie with the optimizer's state.
CheckpointReport Trainer::save(CheckpointStore* store, int64_t keep) {
  const Stopwatch watch;
  require_equal_replicas();
  CheckpointReport report;
  std::vector<torch::Tensor> optimizer_memory;
  std::vector<TensorView> optimizer_state =
      parts_.optimizer.gather_state(parts_.exchange, parts_.shards, optimizer_memory);
  if (position_.next.index > 0) {  // an epoch begins without
    const std::vector<TensorView> carried =
        gather_carried(parts_.replica.task(), parts_.communicator, optimizer_memory);
    optimizer_state.insert(optimizer_state.end(), carried.begin(), carried.end());
  }
  together(parts_.communicator, [&] {
    if (store == nullptr) return;
    TrainState state = parts_.saved;
    state.step = position_.step;
    state.epoch = position_.next.epoch;
    state.index = position_.next.index;
    const std::vector<std::string> names = parts_.replica.task().sum_names();
    for (size_t i = 0; i < names.size(); ++i) state.epoch_sums[names[i]] = position_.epoch_sums[i];
    if (!last_evaluations_.empty()) state.metrics = last_evaluations_.back().metrics;
    state.selection = parts_.selection.state();
    torch::Tensor parameters, trained;
    std::vector<torch::Tensor> fixed;
    FlatBuffers& buffers = parts_.replica.buffers();
    const bool averages = parts_.average.active();
    std::vector<TensorView> model =
        buffers.views(averages ? parts_.average.values() : buffers.parameters(), "", parameters);
    if (averages) {
      const std::vector<TensorView> weights =
          buffers.views(buffers.parameters(), kTrainedPrefix, trained);
      optimizer_state.insert(optimizer_state.end(), weights.begin(), weights.end());
    }
    const std::vector<TensorView> besides = buffers.fixed_views(fixed);
    model.insert(model.end(), besides.begin(), besides.end());
    std::optional<std::filesystem::path> twin;  // the best is often the newest as well
    if (last_commit_.step == position_.step) twin = last_commit_.folder;
    report = last_commit_ = store->commit(state, model, optimizer_state, twin);
    store->keep_newest(keep);
  });
  run_.time.checkpoint += watch.seconds();
  return report;
}

/// Collective: rank zero writes what all ranks have collected.
void Trainer::finish_trace() {
  if (!Trace::active()) return;
  const std::vector<std::string> ranks =
      parts_.communicator.all_gather_bytes(Trace::stop(parts_.communicator.rank()));
  together(parts_.communicator, [&] {
    if (!parts_.communicator.is_root()) return;
    write_file_atomically(parts_.run_dir / "trace.json",
                          fmt::format("[{}]\n", fmt::join(ranks, ",\n")));
  });
}

/// Nothing is saved of replicas that differ: a flipped bit in one rank's memory would otherwise
/// spread into every later checkpoint.
void Trainer::require_equal_replicas() {
  if (parts_.communicator.world_size() == 1) return;
  const std::string own = parts_.replica.buffers().parameters_sha256();
  const std::vector<std::string> all = parts_.communicator.all_gather_bytes(own);
  if (std::all_of(all.begin(), all.end(), [&](const std::string& h) { return h == own; })) return;
  std::string odd;
  for (size_t rank = 0; rank < all.size(); ++rank) {
    const auto same = std::count(all.begin(), all.end(), all[rank]);
    if (2 * same <= static_cast<int64_t>(all.size())) odd += fmt::format(" {}", rank);
  }
  // Every rank sees the same list and so throws the same.
  throw JobError(ExitCode::diverged,
                 fmt::format("step {}: replicas hold different parameters; not like the majority: "
                             "rank(s){}; nothing was saved",
                             position_.step, odd),
                 "a rank's memory or device is unreliable; continue from the last checkpoint on "
                 "other hosts");
}

void Trainer::restart(Window& window) {
  window = Window();
  window.sums.assign(static_cast<size_t>(parts_.replica.num_task_sums()), 0.0);
}

RunResult Trainer::result(const std::string& status, ExitCode code) {
  RunResult result;
  result.status = status;
  result.exit_code = static_cast<int>(code);
  result.steps = position_.step;
  result.epochs = position_.next.epoch;
  result.time = run_.time;
  result.seconds = run_.watch.seconds();
  result.time.other += std::max(0.0, result.seconds - result.time.total());
  const double stepping = std::accumulate(step_seconds_.begin(), step_seconds_.end(), 0.0);
  if (stepping > 0) {
    result.samples_per_second = static_cast<double>(run_.samples) / stepping;
    result.tokens_per_second = static_cast<double>(run_.tokens) / stepping;
  }
  result.step_milliseconds_p50 = 1e3 * percentile(step_seconds_, 0.5);
  result.step_milliseconds_p95 = 1e3 * percentile(step_seconds_, 0.95);
  if (padding_[1] > 0) {
    result.padding_fraction =
        1 - static_cast<double>(padding_[0]) / static_cast<double>(padding_[1]);
  }
  result.hidden_communication_seconds = parts_.exchange.hidden_seconds();
  result.row_exchanges = row_exchanges_;
  result.optimizer_bytes = parts_.optimizer.state_bytes();
  result.peak_memory_bytes = peak_memory_bytes();
  result.evaluations = last_evaluations_;
  result.best = parts_.selection.best();
  result.best_in_words = parts_.selection.best_in_words();
  if (status == "finished" && position_.step < total_steps()) {
    result.message = fmt::format("ended early: {} evaluations were not better than the best",
                                 parts_.config.select.patience);
  }
  result.parameters_sha256 = parts_.replica.buffers().parameters_sha256();
  const int64_t epochs_begun = position_.next.epoch + (position_.next.index > 0 ? 1 : 0);
  for (int64_t epoch = 0; epoch < epochs_begun; ++epoch) {
    result.sample_order_sha256.push_back(order_.sha256(epoch));
  }
  result.versions = versions();
  result.last_checkpoint = last_checkpoint_;
  return result;
}

}  // namespace lockstep
