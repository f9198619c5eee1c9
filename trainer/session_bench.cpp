// The session behind `lockstep bench step`: the trainer's own step on data made up in memory.
#include <algorithm>
#include <numeric>

#include "data/sampler.h"
#include "trainer/replica.h"
#include "trainer/session.h"
#include "trainer/session_parts.h"
#include "trainer/stopwatch.h"
#include "trainer/train_step.h"
#include "trainer/versions.h"

namespace lockstep {
namespace {

/// This rank's share of a batch of noise with random labels.
Batch noise_batch(const BenchStepRequest& request, const Communicator& communicator) {
  Batch batch;
  batch.global_samples = request.config.batch.size;
  const Share share =
      share_of(request.config.batch.size, communicator.rank(), communicator.world_size());
  for (int64_t id = share.begin; id < share.end; ++id) batch.sample_ids.push_back(id);
  batch.lane_offsets = {0, share.size()};
  BatchStream inputs;
  inputs.name = "inputs";
  inputs.time = request.time;
  inputs.batch = share.size();
  inputs.features = request.features;
  inputs.lengths.assign(static_cast<size_t>(share.size()), request.time);
  inputs.values.reserve(static_cast<size_t>(inputs.time * inputs.batch * inputs.features) *
                        sizeof(float));
  torch::from_blob(inputs.dense(), {inputs.time, inputs.batch, inputs.features}).normal_();
  BatchStream labels;
  labels.name = "classes";
  labels.is_symbols = true;
  labels.time = 1;
  labels.batch = share.size();
  labels.lengths.assign(static_cast<size_t>(share.size()), 1);
  labels.values.reserve(static_cast<size_t>(labels.batch) * sizeof(int64_t));
  torch::from_blob(labels.symbols(), {1, labels.batch}, torch::kInt64).random_(request.classes);
  batch.streams.push_back(std::move(inputs));
  batch.streams.push_back(std::move(labels));
  return batch;
}

nlohmann::json noise_description(const BenchStepRequest& request) {
  const nlohmann::json head = {
      {"target", "classes"}, {"classes", request.classes}, {"labels", nlohmann::json::array()}};
  return {{"features", request.features}, {"scale", 1.0}, {"offset", 0.0}, {"heads", {head}}};
}

/// Runs steps and notes how long each took.
class StepTimer {
 public:
  StepTimer(const RunConfig& config, Replica& replica, Optimizer& optimizer, Communicator& exchange,
            std::vector<Span> shards)
      : config_(config), step_(config, replica, optimizer, exchange, std::move(shards)) {}

  void run(const Batch& batch, int64_t steps, bool count) {
    for (int64_t i = 0; i < steps; ++i) {
      const Stopwatch watch;
      const StepOutcome outcome =
          step_.run(batch, ++number_, config_.optimizer.learning_rate, false);
      if (!count) continue;
      seconds_.push_back(watch.seconds());
      time_.compute += outcome.compute_seconds;
      time_.communication += outcome.communication_seconds;
    }
  }

  double total() const { return std::accumulate(seconds_.begin(), seconds_.end(), 0.0); }
  const TimeSplit& time() const { return time_; }
  double percentile(double share) const {
    std::vector<double> sorted = seconds_;
    std::sort(sorted.begin(), sorted.end());
    return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
  }

 private:
  const RunConfig& config_;
  TrainStep step_;
  int64_t number_ = 0;
  std::vector<double> seconds_;
  TimeSplit time_;
};

double largest_of_ranks(double value, Communicator& host) {
  const std::vector<double> all = gather_numbers(host, value);
  return *std::max_element(all.begin(), all.end());
}

}  // namespace

BenchStepResult bench_step(const BenchStepRequest& request, Communicator& host) {
  RunConfig config = request.config;
  config.reproducible = false;  // the noise has no lanes
  const ComputePlace compute = prepare_compute(config, host);
  Replica replica(config, noise_description(request), compute.device, compute.exchange);
  const std::vector<Span> shards = shards_for(config, replica.buffers(), host.world_size());
  const auto optimizer = make_optimizer(config, replica.buffers(), shards, host.rank());
  const Batch batch = noise_batch(request, host);
  StepTimer timer(config, replica, *optimizer, *compute.exchange, shards);
  timer.run(batch, request.warmup_steps, false);

  BenchStepResult result;
  if (request.efficiency) {
    // In turns, so that a change of the machine's speed meets both. Replicas drift apart in the
    // turns without exchange: they are put together again before the next turn.
    const auto alone = make_alone_communicator();
    StepTimer without(config, replica, *optimizer, *alone, {});
    constexpr int64_t kTurn = 5;
    for (int64_t done = 0; done < request.steps; done += kTurn) {
      timer.run(batch, kTurn, true);
      without.run(batch, kTurn, true);
      const torch::Tensor parameters = replica.buffers().parameters();
      compute.exchange->broadcast(parameters.data_ptr<float>(),
                                  static_cast<size_t>(parameters.numel()), 0);
      host.barrier();
    }
    result.synchronisation_efficiency =
        largest_of_ranks(without.total(), host) / largest_of_ranks(timer.total(), host);
  } else {
    timer.run(batch, request.steps, true);
  }
  const double total = timer.total();
  result.status = "finished";
  result.steps = request.steps;
  result.seconds = total;
  result.time = timer.time();
  result.time.other = std::max(0.0, total - result.time.total());
  result.samples_per_second = static_cast<double>(request.steps * config.batch.size) / total;
  result.tokens_per_second = result.samples_per_second * static_cast<double>(request.time);
  result.step_milliseconds_p50 = 1e3 * timer.percentile(0.5);
  result.step_milliseconds_p95 = 1e3 * timer.percentile(0.95);
  result.hidden_communication_seconds = compute.exchange->hidden_seconds();
  result.optimizer_bytes = optimizer->state_bytes();
  result.parameters_sha256 = replica.buffers().parameters_sha256();
  result.versions = versions();
  return result;
}

}  // namespace lockstep
