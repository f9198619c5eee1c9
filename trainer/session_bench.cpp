// The session behind `lockstep bench step`: the trainer's own step on data made up in memory.
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "data/sampler.h"
#include "trainer/bench_lstm.h"
#include "trainer/replica.h"
#include "trainer/session.h"
#include "trainer/session_parts.h"
#include "trainer/stopwatch.h"
#include "trainer/tensor_cache.h"
#include "trainer/train_step.h"
#include "trainer/versions.h"

namespace lockstep {
namespace {

/// Lengths of a sample: all the same, or log-normal around a third of the longest.
int64_t length_of(int64_t sample, const BenchStepRequest& request) {
  if (!request.ragged) return request.time;
  std::mt19937_64 random(static_cast<uint64_t>(sample) + 1);
  std::lognormal_distribution<double> steps(std::log(static_cast<double>(request.time) / 3), 0.6);
  return std::clamp<int64_t>(std::llround(steps(random)), 1, request.time);
}

/// Real steps of the whole batch.
int64_t real_steps_of(const BenchStepRequest& request) {
  int64_t steps = 0;
  for (int64_t id = 0; id < request.config.batch.size; ++id) steps += length_of(id, request);
  return steps;
}

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
  for (const int64_t id : batch.sample_ids) inputs.lengths.push_back(length_of(id, request));
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
    seconds_.reserve(seconds_.size() + static_cast<size_t>(steps));
    for (int64_t i = 0; i < steps; ++i) {
      const Stopwatch watch;
      const StepOutcome& outcome =
          step_.run(batch, ++number_, config_.optimizer.learning_rate, false);
      if (!count) continue;
      seconds_.push_back(watch.seconds());
      time_.compute += outcome.compute_seconds;
      time_.communication += outcome.communication_seconds;
      compute_.forward += outcome.compute.forward;
      compute_.backward += outcome.compute.backward;
      compute_.update += outcome.compute.update;
    }
  }

  double total() const { return std::accumulate(seconds_.begin(), seconds_.end(), 0.0); }
  const TimeSplit& time() const { return time_; }
  const ComputeSplit& compute() const { return compute_; }
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
  ComputeSplit compute_;
};

/// What this rank has taken of memory since the beginning of the process.
struct MemoryTaken {
  TensorCache::Counts tensors = tensor_cache_counts();
  int64_t page_faults = [] {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<int64_t>(usage.ru_minflt);
  }();
};

void count_memory(const MemoryTaken& before, int64_t steps, BenchStepResult& result) {
  const MemoryTaken now;
  const auto per_step = [&](int64_t after, int64_t earlier) {
    return static_cast<double>(after - earlier) / static_cast<double>(steps);
  };
  result.tensor_blocks_per_step = per_step(now.tensors.blocks, before.tensors.blocks);
  result.tensor_bytes_per_step = per_step(now.tensors.bytes, before.tensors.bytes);
  result.system_blocks_per_step = per_step(now.tensors.system_blocks, before.tensors.system_blocks);
  result.system_bytes_per_step = per_step(now.tensors.system_bytes, before.tensors.system_bytes);
  result.page_faults_per_step = per_step(now.page_faults, before.page_faults);
}

/// Multiplications and additions of the matrix products, forward and backward. Each weight of an
/// LSTM is used in every real step, one of the output layer once for a sequence; both passes
/// together are three products, without one that nobody asks for: the inputs' gradient.
double flops_of_step(Replica& replica, const BenchStepRequest& request) {
  const auto steps = static_cast<double>(real_steps_of(request));
  const auto samples = static_cast<double>(request.config.batch.size);
  double flops = 0;
  for (const FlatBuffers::Range& range : replica.buffers().ranges()) {
    if (range.shape.size() != 2) continue;
    const auto has = [&](const char* part) { return range.name.find(part) != std::string::npos; };
    const double products = has("weight_ih_l0") ? 2 : 3;
    const double uses = has("weight_ih_l") || has("weight_hh_l") ? steps : samples;
    flops += 2 * products * static_cast<double>(range.count) * uses;
  }
  return flops;
}

double largest_of_ranks(double value, Communicator& host) {
  const std::vector<double> all = gather_numbers(host, value);
  return *std::max_element(all.begin(), all.end());
}

/// Seconds of steps without exchange over those of `timer`'s, `request.steps` of each. In turns, so
/// that a change of the machine's speed meets both. Replicas drift apart in the turns without
/// exchange: they are put together again before the next turn.
double efficiency_in_turns(StepTimer& timer, StepTimer& without, const Batch& batch,
                           const BenchStepRequest& request, Replica& replica,
                           Communicator& exchange, Communicator& host) {
  constexpr int64_t kTurn = 5;
  for (int64_t done = 0; done < request.steps; done += kTurn) {
    timer.run(batch, kTurn, true);
    without.run(batch, kTurn, true);
    const torch::Tensor parameters = replica.buffers().parameters();
    exchange.broadcast(parameters.data_ptr<float>(), static_cast<size_t>(parameters.numel()), 0);
    host.barrier();
  }
  return largest_of_ranks(without.total(), host) / largest_of_ranks(timer.total(), host);
}

void note_times(const StepTimer& timer, const BenchStepRequest& request, BenchStepResult& result) {
  const double total = timer.total();
  const auto steps = static_cast<double>(request.steps);
  const auto batch_size = static_cast<double>(request.config.batch.size);
  const auto real_steps = static_cast<double>(real_steps_of(request));
  result.steps = request.steps;
  result.seconds = total;
  result.time = timer.time();
  result.time.other = std::max(0.0, total - result.time.total());
  result.forward_seconds = timer.compute().forward;
  result.backward_seconds = timer.compute().backward;
  result.update_seconds = timer.compute().update;
  result.samples_per_second = steps * batch_size / total;
  result.tokens_per_second = steps * real_steps / total;
  result.padding_fraction = 1 - real_steps / (static_cast<double>(request.time) * batch_size);
  result.step_milliseconds_p50 = 1e3 * timer.percentile(0.5);
  result.step_milliseconds_p95 = 1e3 * timer.percentile(0.95);
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
    const auto alone = make_alone_communicator();
    StepTimer without(config, replica, *optimizer, *alone, {});
    result.synchronisation_efficiency =
        efficiency_in_turns(timer, without, batch, request, replica, *compute.exchange, host);
  } else {
    const MemoryTaken before;
    timer.run(batch, request.steps, true);
    count_memory(before, request.steps, result);
  }
  note_times(timer, request, result);
  result.status = "finished";
  result.flops_per_step = flops_of_step(replica, request);
  if (compute.device.is_cpu()) {
    result.peak_flops_per_second = measured_peak() * at::get_num_threads() * host.world_size();
  }
  result.hidden_communication_seconds = compute.exchange->hidden_seconds();
  result.optimizer_bytes = optimizer->state_bytes();
  result.parameters_sha256 = replica.buffers().parameters_sha256();
  result.versions = versions();
  return result;
}

}  // namespace lockstep
