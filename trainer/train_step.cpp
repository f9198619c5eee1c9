#include "trainer/train_step.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "data/base/trace.h"
#include "data/sampler.h"
#include "trainer/gather_over.h"
#include "trainer/stopwatch.h"

namespace lockstep {

using torch::Tensor;

std::vector<Span> make_shards(const FlatBuffers& buffers, int world_size) {
  const auto size = static_cast<size_t>(buffers.gradients().numel());
  return equal_slices(size, world_size, static_cast<size_t>(kNormBlock));
}

TrainStep::TrainStep(const RunConfig& config, Replica& replica, Optimizer& optimizer,
                     Communicator& exchange, std::vector<Span> shards)
    : config_(config),
      replica_(replica),
      optimizer_(optimizer),
      exchange_(exchange),
      shards_(std::move(shards)),
      buckets_(replica.task().model(), replica.buffers(),
               static_cast<int64_t>(config.communication.bucket_megabytes * 1e6 / sizeof(float)),
               replica.row_sparse_parameters()) {
  if (replica.task().gathers()) prepare_gathering();
  for (size_t index = 0; index < buckets_.buckets().size(); ++index) {
    const Bucket& bucket = buckets_.buckets()[index];
    if (!bucket.row_sparse) {
      last_dense_ = index;
      continue;
    }
    const FlatBuffers::Range& place = replica.buffers().ranges()[bucket.parameters[0]];
    const Tensor gradient = replica.buffers().gradients().narrow(0, place.offset, place.count);
    row_exchanges_.try_emplace(index, gradient.view(place.shape), exchange);
  }
}

/// What is looked at together must be the same at any world size: the whole batch.
void TrainStep::prepare_gathering() {
  if (config_.reproducible || config_.batch.accumulation > 1) {
    throw JobError(
        ExitCode::config,
        fmt::format("{}: the loss looks at all of a batch, which {} cuts into parts", config_.task,
                    config_.reproducible ? "reproducible" : "batch.accumulation"),
        "leave it at its default");
  }
  replica_.task().set_gather(gather_over(exchange_));
}

StepOutcome TrainStep::run(const Batch& batch, int64_t step, double learning_rate, bool want_stop) {
  const TraceSpan span("step");
  StepOutcome outcome;
  Stopwatch watch;
  report_ = {};
  compute_ = {};
  report_.fingerprint = fingerprint(step);
  not_finite_parameter_.clear();
  replica_.buffers().zero_gradients();
  compute_and_start_sums(batch, step);
  write_control_word(want_stop);
  outcome.compute_seconds = watch.lap();

  sum_last_bucket();
  outcome.communication_seconds = watch.lap();

  ControlWord::Reading word = read_control_word();
  require_equal_replicas(word, step);
  sum_row_sparse_buckets(word, outcome);
  outcome.communication_seconds += watch.lap();
  outcome.stop_agreed = word.stop;
  const bool updated = update(step, learning_rate, word, outcome);
  compute_.update = watch.lap();
  outcome.compute_seconds += compute_.update;
  if (updated && !shards_.empty()) {
    const TraceSpan gather("gather parameters");
    exchange_.all_gather(replica_.buffers().parameters().data_ptr<float>(), shards_);
    outcome.communication_seconds += watch.lap();
  }
  outcome.sums = std::move(word.sums);
  outcome.compute = compute_;
  return outcome;
}

/// Adds this rank's lanes as the binary tree over all lanes does: a finished subtree waits at its
/// level until its neighbour is there, like carries of a binary counter. While the last lane runs
/// backward, buckets are joined with what waits for them and their sums over ranks start.
void TrainStep::compute_and_start_sums(const Batch& batch, int64_t step) {
  lanes_ = batch.lane_offsets.size() - 1;
  for (size_t lane = 0; lane < lanes_; ++lane) {
    if (lane > 0) replica_.buffers().zero_gradients();
    compute_lane(batch, lane, step);
    if (lane + 1 < lanes_) keep_lane(lane);
  }
  buckets_.finish();
}

void TrainStep::compute_lane(const Batch& batch, size_t lane, int64_t step) {
  const int64_t first = batch.lane_offsets[lane];
  const int64_t size = batch.lane_offsets[lane + 1] - first;
  const int64_t parts = config_.batch.accumulation;
  for (int64_t part = 0; part < parts; ++part) {
    if (lane + 1 == lanes_ && part + 1 == parts) {
      buckets_.watch([this](size_t bucket) { on_complete(bucket); });
    }
    const Share share = share_of(size, part, parts);
    add_gradients_of(batch, first + share.begin, first + share.end, step);
  }
}

/// Forward and backward over some columns of the batch; adds to the gradients and the task's sums.
void TrainStep::add_gradients_of(const Batch& batch, int64_t begin, int64_t end, int64_t step) {
  const std::vector<int64_t>& lengths = batch.inputs().lengths;
  const bool nothing = std::all_of(lengths.begin() + begin, lengths.begin() + end,
                                   [](int64_t length) { return length == 0; });
  if (nothing) {
    replica_.task().compute_nothing();
    return;
  }
  const DeviceBatch part = to_device(batch, begin, end, replica_.device());
  const DropoutKey key{true, config_.run.seed, step, &part.sample_ids,
                       config_.model.variational_dropout};
  Stopwatch watch;
  TaskOutput output;
  {
    const TraceSpan span("forward");
    output = replica_.task().compute(part, key);
  }
  compute_.forward += watch.lap();
  const TraceSpan span("backward");
  output.loss_sum.backward();
  compute_.backward += watch.lap();
  torch::NoGradGuard no_grad;
  replica_.buffers().tail().narrow(0, 0, replica_.num_task_sums()).add_(output.sums);
}

void TrainStep::keep_lane(size_t lane) {
  torch::NoGradGuard no_grad;
  Tensor all = replica_.buffers().gradients_and_tail();
  size_t level = 0;
  for (; (lane >> level & 1) != 0; ++level) all.add_(lane_sums_[level]);
  if (lane_sums_.size() <= level) lane_sums_.resize(level + 1);
  if (!lane_sums_[level].defined()) {
    lane_sums_[level] = torch::empty({all.numel()}, all.options());
  }
  lane_sums_[level].copy_(all);
}

void TrainStep::on_complete(size_t bucket) {
  join_lanes_and_measure(bucket);
  const auto rows = row_exchanges_.find(bucket);
  if (rows != row_exchanges_.end()) {
    report_.rows.push_back(rows->second.find_rows());  // and waits for those of the others
  } else if (bucket != last_dense_) {
    exchange_.start_sum(request_for(bucket));
  }
}

/// Completes this rank's own values in a range of gradients and tail.
void TrainStep::join_lanes(int64_t begin, int64_t end) {
  torch::NoGradGuard no_grad;
  Tensor range = replica_.buffers().gradients_and_tail().narrow(0, begin, end - begin);
  for (size_t level = 0; ((lanes_ - 1) >> level & 1) != 0; ++level) {
    range.add_(lane_sums_[level].narrow(0, begin, end - begin));
  }
}

void TrainStep::join_lanes_and_measure(size_t index) {
  const Bucket& bucket = buckets_.buckets()[index];
  const FlatBuffers& buffers = replica_.buffers();
  join_lanes(bucket.begin, bucket.end);
  for (const size_t parameter : bucket.parameters) {
    const FlatBuffers::Range& place = buffers.ranges()[parameter];
    const double squares =
        squared_norm_of(buffers.gradients().narrow(0, place.offset, place.count));
    report_.squared_norm += squares;
    if (!std::isfinite(squares) && not_finite_parameter_.empty()) {
      not_finite_parameter_ = place.name;
    }
  }
}

void TrainStep::write_control_word(bool want_stop) {
  FlatBuffers& buffers = replica_.buffers();
  join_lanes(buffers.gradients().numel(), buffers.gradients_and_tail().numel());
  torch::NoGradGuard no_grad;
  const int64_t task_sums = replica_.num_task_sums();
  report_.loss_targets = buffers.tail()[1].item<double>();
  const ControlWord& layout = replica_.control_word();
  const std::vector<float> values = layout.write(exchange_.rank(), want_stop, report_);
  buffers.tail()
      .narrow(0, task_sums, layout.size() - task_sums)
      .copy_(torch::from_blob(const_cast<float*>(values.data()),
                              {static_cast<int64_t>(values.size())}));
}

/// The part of each rank's shard that lies in a bucket, counted from the bucket's begin.
SumRequest TrainStep::request_for(size_t index) const {
  const Bucket& bucket = buckets_.buckets()[index];
  SumRequest request;
  request.values = replica_.buffers().gradients().data_ptr<float>() + bucket.begin;
  request.count = static_cast<size_t>(bucket.size());
  request.order = config_.reproducible ? SumOrder::tree : SumOrder::fastest;
  if (config_.communication.dtype == "bfloat16") request.wire = WireType::bfloat16;
  for (const Span& shard : shards_) {
    const auto cut = [&](size_t at) {
      const auto clamped = std::clamp(static_cast<int64_t>(at), bucket.begin, bucket.end);
      return static_cast<size_t>(clamped - bucket.begin);
    };
    request.kept.push_back({cut(shard.begin), cut(shard.end)});
  }
  return request;
}

/// The last bucket and the control word, which everybody needs as a whole and as it is: together
/// where they lie and travel alike.
void TrainStep::sum_last_bucket() {
  const TraceSpan span("exchange");
  const Tensor tail = replica_.buffers().tail();
  const SumOrder order = config_.reproducible ? SumOrder::tree : SumOrder::fastest;
  SumRequest word{tail.data_ptr<float>(), static_cast<size_t>(tail.numel()), order};
  if (last_dense_) {
    SumRequest request = request_for(*last_dense_);
    const bool alike = shards_.empty() && request.wire == WireType::float32;
    if (alike && request.values + request.count == word.values) {
      request.count += word.count;
      word = request;
    } else {
      exchange_.start_sum(request);
    }
  }
  exchange_.sum(word);
}

/// Now that everybody knows how many rows everybody has touched.
void TrainStep::sum_row_sparse_buckets(const ControlWord::Reading& word, StepOutcome& outcome) {
  size_t index = 0;
  for (auto& [bucket, exchange] : row_exchanges_) {
    const TraceSpan span("exchange of rows");
    std::vector<int64_t> rows;
    for (const RankReport& rank : word.ranks) rows.push_back(rank.rows[index]);
    ++index;
    if (exchange.pays(rows)) {
      exchange.sum(rows);
      ++outcome.row_exchanges;
    } else {
      exchange_.sum(request_for(bucket));
    }
  }
}

ControlWord::Reading TrainStep::read_control_word() const {
  const Tensor tail = replica_.buffers().tail().cpu();
  return replica_.control_word().read(tail.const_data_ptr<float>());
}

double TrainStep::squared_norm_of_sum() {
  const Tensor gradients = replica_.buffers().gradients();
  if (shards_.empty()) return squared_norm_of(gradients);
  // Each rank knows the blocks of its shard. Sent as the bits of doubles, of which all but one are
  // zero, so that summing gathers them.
  const Span own = optimizer_.shard();
  const std::vector<double> squares = squared_norms_of_blocks(
      gradients.narrow(0, static_cast<int64_t>(own.begin), static_cast<int64_t>(own.size())));
  std::vector<int64_t> all(static_cast<size_t>((gradients.numel() + kNormBlock - 1) / kNormBlock));
  size_t block = own.begin / static_cast<size_t>(kNormBlock);
  for (const double value : squares) all[block++] = std::bit_cast<int64_t>(value);
  exchange_.sum_on_all(all);
  double total = 0;
  for (const int64_t bits : all) total += std::bit_cast<double>(bits);
  return total;
}

/// False when the gradient is not finite and the step is left out.
bool TrainStep::update(int64_t step, double learning_rate, const ControlWord::Reading& word,
                       StepOutcome& outcome) {
  const TraceSpan span("update");
  // The loss of a batch is its sum over all ranks' targets divided by their number: the division
  // is folded into the update.
  const double scale = 1.0 / std::max(1.0, word.sums[1]);
  const double squared_norm = squared_norm_of_sum();
  outcome.gradient_norm = std::sqrt(squared_norm) * scale;
  if (!std::isfinite(outcome.gradient_norm)) {
    outcome.left_out =
        fmt::format("step {}: the gradient is not finite; first on {}", step, where_not_finite());
    if (++left_out_in_a_row_ <= config_.optimizer.skip_not_finite) return false;
    throw JobError(
        ExitCode::not_finite, outcome.left_out,
        "lower optimizer.learning_rate or set optimizer.clip_norm; `lockstep data "
        "inspect` shows whether the inputs are sane; parameters are as before this step");
  }
  left_out_in_a_row_ = 0;
  outcome.noise = gradient_noise(word.ranks, squared_norm);
  if (const double most = config_.optimizer.clip_value; most > 0) {
    torch::NoGradGuard no_grad;
    const Span own = optimizer_.shard();
    replica_.buffers()
        .gradients()
        .narrow(0, static_cast<int64_t>(own.begin), static_cast<int64_t>(own.size()))
        .mul_(scale)
        .clamp_(-most, most);
    optimizer_.update(step, learning_rate, 1);
    return true;
  }
  const double limit = config_.optimizer.clip_norm;
  const double clip =
      limit > 0 && outcome.gradient_norm > limit ? limit / outcome.gradient_norm : 1;
  optimizer_.update(step, learning_rate, scale * clip);
  return true;
}

std::string TrainStep::where_not_finite() {
  std::string where;
  const std::vector<std::string> parameters = exchange_.all_gather_bytes(not_finite_parameter_);
  for (size_t rank = 0; rank < parameters.size(); ++rank) {
    if (parameters[rank].empty()) continue;
    where += fmt::format("{}rank {} ({})", where.empty() ? "" : ", ", rank, parameters[rank]);
  }
  return where.empty() ? "no single rank: the sum overflows" : where;
}

/// A flipped bit in one rank's memory would otherwise spread into every later checkpoint.
void TrainStep::require_equal_replicas(const ControlWord::Reading& word, int64_t step) const {
  if (exchange_.world_size() == 1) return;
  const std::vector<int> differing = differing_ranks(word.ranks);
  if (differing.empty()) return;
  const bool clear = differing.size() < word.ranks.size();
  std::string names;
  for (const int rank : differing) names += fmt::format("{}{}", names.empty() ? "" : ", ", rank);
  throw JobError(
      ExitCode::diverged,
      fmt::format("step {}: replicas hold different parameters; {}", step,
                  clear ? fmt::format("not like the majority: rank{} {}",
                                      differing.size() > 1 ? "s" : "", names)
                        : fmt::format("no majority among ranks {}, so none can be blamed", names)),
      "a rank's memory or device is unreliable; nothing was saved since: continue from the last "
      "checkpoint on other hosts");
}

/// Of a part of the parameters that moves with the step, so that within some steps all are covered.
uint32_t TrainStep::fingerprint(int64_t step) const {
  if (exchange_.world_size() == 1) return 0;
  constexpr int64_t kParts = 256, kLeast = 4096;
  const Tensor parameters = replica_.buffers().parameters();
  const int64_t size = std::max(kLeast, (parameters.numel() + kParts - 1) / kParts);
  const int64_t parts = (parameters.numel() + size - 1) / size;
  const int64_t begin = step % parts * size;
  const Tensor part = parameters.narrow(0, begin, std::min(size, parameters.numel() - begin)).cpu();
  return static_cast<uint32_t>(
      XXH3_64bits(part.const_data_ptr<float>(), static_cast<size_t>(part.numel()) * sizeof(float)));
}

}  // namespace lockstep
