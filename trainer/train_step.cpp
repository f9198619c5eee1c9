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
  const FlatBuffers& buffers = replica.buffers();
  for (const FlatBuffers::Range& place : buffers.ranges()) {
    gradient_of_.push_back(place.trained ? buffers.gradients().narrow(0, place.offset, place.count)
                                         : Tensor());
  }
  for (size_t index = 0; index < buckets_.buckets().size(); ++index) {
    const Bucket& bucket = buckets_.buckets()[index];
    requests_.push_back(request_for(bucket));
    if (!bucket.row_sparse) {
      last_dense_ = index;
      continue;
    }
    const size_t parameter = bucket.parameters[0];
    row_exchanges_.try_emplace(
        index, gradient_of_[parameter].view(buffers.ranges()[parameter].shape), exchange);
  }
  const Span own = optimizer.shard();
  own_gradients_ = buffers.gradients().narrow(0, static_cast<int64_t>(own.begin),
                                              static_cast<int64_t>(own.size()));
  const int64_t sums = replica.num_task_sums();
  const int64_t words = replica.control_word().size() - sums;
  task_sums_ = buffers.tail().narrow(0, 0, sums);
  loss_targets_ = task_sums_[1];
  rank_words_ = buffers.tail().narrow(0, sums, words);
  own_word_ = torch::empty({words});
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

const StepOutcome& TrainStep::run(const Batch& batch, int64_t step, double learning_rate,
                                  bool want_stop) {
  const TraceSpan span("step");
  Stopwatch watch;
  outcome_.row_exchanges = 0;
  outcome_.left_out.clear();
  outcome_.noise = {};
  outcome_.compute = {};
  report_.rows.clear();
  report_.squared_norm = 0;
  report_.fingerprint = fingerprint(step);
  not_finite_parameter_.clear();
  replica_.buffers().zero_gradients();
  compute_and_start_sums(batch, step);
  write_control_word(want_stop);
  outcome_.compute_seconds = watch.lap();

  sum_last_bucket();
  outcome_.communication_seconds = watch.lap();

  read_control_word();
  require_equal_replicas(step);
  sum_row_sparse_buckets();
  outcome_.communication_seconds += watch.lap();
  outcome_.stop_agreed = word_.stop;
  outcome_.sums = word_.sums;
  const bool updated = update(step, learning_rate);
  outcome_.compute.update = watch.lap();
  outcome_.compute_seconds += outcome_.compute.update;
  if (updated && !shards_.empty()) {
    const TraceSpan gather("gather parameters");
    exchange_.all_gather(replica_.buffers().parameters().data_ptr<float>(), shards_);
    outcome_.communication_seconds += watch.lap();
  }
  return outcome_;
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
  to_device(batch, begin, end, replica_.device(), part_);
  const DropoutKey key{true, config_.run.seed, step, &part_.sample_ids,
                       config_.model.variational_dropout};
  Stopwatch watch;
  TaskOutput output;
  {
    const TraceSpan span("forward");
    output = replica_.task().compute(part_, key);
  }
  outcome_.compute.forward += watch.lap();
  const TraceSpan span("backward");
  output.loss_sum.backward();
  outcome_.compute.backward += watch.lap();
  part_.drop_tensors();
  torch::NoGradGuard no_grad;
  task_sums_.add_(output.sums);
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
    exchange_.start_sum(requests_[bucket]);
  }
}

/// Completes this rank's own values in a range of gradients and tail.
void TrainStep::join_lanes(int64_t begin, int64_t end) {
  if (lanes_ == 1) return;
  torch::NoGradGuard no_grad;
  Tensor range = replica_.buffers().gradients_and_tail().narrow(0, begin, end - begin);
  for (size_t level = 0; ((lanes_ - 1) >> level & 1) != 0; ++level) {
    range.add_(lane_sums_[level].narrow(0, begin, end - begin));
  }
}

void TrainStep::join_lanes_and_measure(size_t index) {
  const Bucket& bucket = buckets_.buckets()[index];
  join_lanes(bucket.begin, bucket.end);
  for (const size_t parameter : bucket.parameters) {
    const double squares = squared_norm_of(gradient_of_[parameter]);
    report_.squared_norm += squares;
    if (!std::isfinite(squares) && not_finite_parameter_.empty()) {
      not_finite_parameter_ = replica_.buffers().ranges()[parameter].name;
    }
  }
}

void TrainStep::write_control_word(bool want_stop) {
  FlatBuffers& buffers = replica_.buffers();
  join_lanes(buffers.gradients().numel(), buffers.gradients_and_tail().numel());
  torch::NoGradGuard no_grad;
  report_.loss_targets = loss_targets_.item<double>();
  replica_.control_word().write(exchange_.rank(), want_stop, report_, own_word_.data_ptr<float>());
  rank_words_.copy_(own_word_);
}

/// The part of each rank's shard that lies in a bucket, counted from the bucket's begin.
SumRequest TrainStep::request_for(const Bucket& bucket) const {
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
    const SumRequest& request = requests_[*last_dense_];
    const bool alike = shards_.empty() && request.wire == WireType::float32;
    if (alike && request.values + request.count == word.values) {
      word.values = request.values;
      word.count += request.count;
    } else {
      exchange_.start_sum(request);
    }
  }
  exchange_.sum(word);
}

/// Now that everybody knows how many rows everybody has touched.
void TrainStep::sum_row_sparse_buckets() {
  size_t index = 0;
  for (auto& [bucket, exchange] : row_exchanges_) {
    const TraceSpan span("exchange of rows");
    rows_.clear();
    for (const RankReport& rank : word_.ranks) rows_.push_back(rank.rows[index]);
    ++index;
    if (exchange.pays(rows_)) {
      exchange.sum(rows_);
      ++outcome_.row_exchanges;
    } else {
      exchange_.sum(requests_[bucket]);
    }
  }
}

void TrainStep::read_control_word() {
  const Tensor tail = replica_.buffers().tail().cpu();
  replica_.control_word().read(tail.const_data_ptr<float>(), word_);
}

double TrainStep::squared_norm_of_sum() {
  const Tensor gradients = replica_.buffers().gradients();
  if (shards_.empty()) return squared_norm_of(gradients);
  // Each rank knows the blocks of its shard. Sent as the bits of doubles, of which all but one are
  // zero, so that summing gathers them.
  const Span own = optimizer_.shard();
  squared_norms_of_blocks(own_gradients_, squares_);
  squares_of_all_.assign(static_cast<size_t>((gradients.numel() + kNormBlock - 1) / kNormBlock), 0);
  size_t block = own.begin / static_cast<size_t>(kNormBlock);
  for (const double value : squares_) squares_of_all_[block++] = std::bit_cast<int64_t>(value);
  exchange_.sum_on_all(squares_of_all_);
  double total = 0;
  for (const int64_t bits : squares_of_all_) total += std::bit_cast<double>(bits);
  return total;
}

/// False when the gradient is not finite and the step is left out.
bool TrainStep::update(int64_t step, double learning_rate) {
  const TraceSpan span("update");
  // The loss of a batch is its sum over all ranks' targets divided by their number: the division
  // is folded into the update.
  const double scale = 1.0 / std::max(1.0, word_.sums[1]);
  const double squared_norm = squared_norm_of_sum();
  outcome_.gradient_norm = std::sqrt(squared_norm) * scale;
  if (!std::isfinite(outcome_.gradient_norm)) {
    outcome_.left_out =
        fmt::format("step {}: the gradient is not finite; first on {}", step, where_not_finite());
    if (++left_out_in_a_row_ <= config_.optimizer.skip_not_finite) return false;
    throw JobError(
        ExitCode::not_finite, outcome_.left_out,
        "lower optimizer.learning_rate or set optimizer.clip_norm; `lockstep data "
        "inspect` shows whether the inputs are sane; parameters are as before this step");
  }
  left_out_in_a_row_ = 0;
  outcome_.noise = gradient_noise(word_.ranks, squared_norm);
  if (const double most = config_.optimizer.clip_value; most > 0) {
    clip_values(scale, most);
    optimizer_.update(step, learning_rate, 1);
    return true;
  }
  const double limit = config_.optimizer.clip_norm;
  const double clip =
      limit > 0 && outcome_.gradient_norm > limit ? limit / outcome_.gradient_norm : 1;
  optimizer_.update(step, learning_rate, scale * clip);
  return true;
}

/// Scales this rank's part of the summed gradient and limits each value.
void TrainStep::clip_values(double scale, double most) {
  torch::NoGradGuard no_grad;
  own_gradients_.mul_(scale).clamp_(-most, most);
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
void TrainStep::require_equal_replicas(int64_t step) const {
  if (exchange_.world_size() == 1) return;
  const std::vector<int> differing = differing_ranks(word_.ranks);
  if (differing.empty()) return;
  const bool clear = differing.size() < word_.ranks.size();
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
  const int64_t count = std::min(size, parameters.numel() - begin);
  const auto hash = [&](const float* values) {
    return static_cast<uint32_t>(XXH3_64bits(values, static_cast<size_t>(count) * sizeof(float)));
  };
  if (parameters.is_cpu()) return hash(parameters.const_data_ptr<float>() + begin);
  return hash(parameters.narrow(0, begin, count).cpu().const_data_ptr<float>());
}

}  // namespace lockstep
