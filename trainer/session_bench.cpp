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
  return {{"features", request.features},
          {"scale", 1.0},
          {"offset", 0.0},
          {"target", "classes"},
          {"classes", request.classes},
          {"labels", nlohmann::json::array()}};
}

}  // namespace

RunResult bench_step(const BenchStepRequest& request, Communicator& host) {
  RunConfig config = request.config;
  config.reproducible = false;  // the noise has no lanes
  const ComputePlace compute = prepare_compute(config, host);
  Replica replica(config, noise_description(request), compute.device);
  Optimizer optimizer(config.optimizer, replica.buffers());
  TrainStep step(config, replica, optimizer, *compute.exchange);
  const Batch batch = noise_batch(request, host);

  RunResult result;
  std::vector<double> seconds;
  for (int64_t number = 1; number <= request.warmup_steps + request.steps; ++number) {
    const Stopwatch watch;
    const StepOutcome outcome = step.run(batch, number, config.optimizer.learning_rate, false);
    if (number <= request.warmup_steps) continue;
    seconds.push_back(watch.seconds());
    result.time.compute += outcome.compute_seconds;
    result.time.communication += outcome.communication_seconds;
  }
  const double total = std::accumulate(seconds.begin(), seconds.end(), 0.0);
  std::sort(seconds.begin(), seconds.end());
  const auto at = [&](double share) {
    return 1e3 * seconds[static_cast<size_t>(share * static_cast<double>(seconds.size() - 1))];
  };
  result.status = "finished";
  result.steps = request.steps;
  result.seconds = total;
  result.time.other = std::max(0.0, total - result.time.total());
  result.samples_per_second = static_cast<double>(request.steps * config.batch.size) / total;
  result.tokens_per_second = result.samples_per_second * static_cast<double>(request.time);
  result.step_milliseconds_p50 = at(0.5);
  result.step_milliseconds_p95 = at(0.95);
  result.parameters_sha256 = replica.buffers().parameters_sha256();
  result.versions = versions();
  return result;
}

}  // namespace lockstep
