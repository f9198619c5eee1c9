#include "trainer/train_step.h"

#include <cmath>

#include "data/sampler.h"
#include "trainer/stopwatch.h"

namespace lockstep {

using torch::Tensor;

TrainStep::TrainStep(const RunConfig& config, Replica& replica, Optimizer& optimizer,
                     Communicator& exchange)
    : config_(config), replica_(replica), optimizer_(optimizer), exchange_(exchange) {}

StepOutcome TrainStep::run(const Batch& batch, int64_t step, double learning_rate, bool want_stop) {
  StepOutcome outcome;
  Stopwatch watch;
  compute_gradients(batch, step);
  write_control_word(want_stop);
  outcome.compute_seconds = watch.lap();

  exchange_gradients();
  outcome.communication_seconds = watch.lap();

  std::vector<double> word = read_control_word();
  const auto task_sums = static_cast<size_t>(replica_.num_task_sums());
  outcome.stop_agreed = word[task_sums + ControlWord::kStop] > 0;
  // The loss of a batch is its sum over all ranks' targets divided by their number: the division
  // is folded into the update.
  const double scale = 1.0 / std::max(1.0, word[1]);
  outcome.gradient_norm = norm_of(replica_.buffers().gradients()) * scale;
  require_finite(outcome.gradient_norm, step);
  const double limit = config_.optimizer.clip_norm;
  const double clip =
      limit > 0 && outcome.gradient_norm > limit ? limit / outcome.gradient_norm : 1;
  optimizer_.update(step, learning_rate, scale * clip);
  word.resize(task_sums);
  outcome.sums = std::move(word);
  outcome.compute_seconds += watch.lap();
  return outcome;
}

void TrainStep::compute_gradients(const Batch& batch, int64_t step) {
  replica_.buffers().zero_gradients();
  if (config_.reproducible) {
    compute_lanes_in_tree_order(batch, step);
    return;
  }
  const int64_t parts = config_.batch.accumulation;
  for (int64_t part = 0; part < parts; ++part) {
    const Share share = share_of(batch.size(), part, parts);
    add_gradients_of(batch, share.begin, share.end, step);
  }
}

/// Forward and backward over some columns of the batch; adds to the gradients and the task's sums.
void TrainStep::add_gradients_of(const Batch& batch, int64_t begin, int64_t end, int64_t step) {
  if (begin == end) return;
  const DeviceBatch part = to_device(batch, begin, end, replica_.device());
  const DropoutKey key{true, config_.run.seed, step, &part.sample_ids};
  const TaskOutput output = replica_.task().compute(part, key);
  output.loss_sum.backward();
  torch::NoGradGuard no_grad;
  replica_.buffers().tail().narrow(0, 0, replica_.num_task_sums()).add_(output.sums);
}

/// Adds this rank's lanes as the binary tree over all lanes does: a finished subtree waits at its
/// level until its neighbour is there, like carries of a binary counter.
void TrainStep::compute_lanes_in_tree_order(const Batch& batch, int64_t step) {
  Tensor all = replica_.buffers().gradients_and_tail();
  const size_t lanes = batch.lane_offsets.size() - 1;
  for (size_t lane = 0; lane < lanes; ++lane) {
    if (lane > 0) all.zero_();
    add_gradients_of(batch, batch.lane_offsets[lane], batch.lane_offsets[lane + 1], step);
    size_t level = 0;
    for (; (lane >> level & 1) != 0; ++level) all.add_(lane_sums_[level]);
    if (lane + 1 == lanes) break;
    if (lane_sums_.size() <= level) lane_sums_.resize(level + 1);
    if (!lane_sums_[level].defined()) lane_sums_[level] = torch::empty_like(all);
    lane_sums_[level].copy_(all);
  }
}

void TrainStep::write_control_word(bool want_stop) {
  const double norm = norm_of(replica_.buffers().gradients());
  not_finite_parameter_.clear();
  if (!std::isfinite(norm)) not_finite_parameter_ = replica_.buffers().first_not_finite_gradient();
  Tensor word = torch::zeros({ControlWord::kSize});
  float* values = word.data_ptr<float>();
  values[ControlWord::kStop] = want_stop ? 1 : 0;
  values[ControlWord::kNotFinite] = not_finite_parameter_.empty() ? 0 : 1;
  values[ControlWord::kSquaredNorm] = static_cast<float>(norm * norm);
  replica_.buffers().tail().narrow(0, replica_.num_task_sums(), ControlWord::kSize).copy_(word);
}

std::vector<double> TrainStep::read_control_word() const {
  const Tensor tail = replica_.buffers().tail().cpu();
  const float* values = tail.const_data_ptr<float>();
  return {values, values + tail.numel()};
}

void TrainStep::exchange_gradients() {
  const Tensor all = replica_.buffers().gradients_and_tail();
  const auto count = static_cast<size_t>(all.numel());
  if (config_.reproducible) {
    exchange_.all_reduce_sum_in_tree_order(all.data_ptr<float>(), count);
  } else {
    exchange_.all_reduce_sum(all.data_ptr<float>(), count);
  }
}

void TrainStep::require_finite(double norm, int64_t step) {
  if (std::isfinite(norm)) return;
  std::string where;
  const std::vector<std::string> parameters = exchange_.all_gather(not_finite_parameter_);
  for (size_t rank = 0; rank < parameters.size(); ++rank) {
    if (parameters[rank].empty()) continue;
    where += fmt::format("{}rank {} ({})", where.empty() ? "" : ", ", rank, parameters[rank]);
  }
  throw JobError(
      ExitCode::not_finite,
      fmt::format("step {}: the gradient is not finite; first on {}", step,
                  where.empty() ? "no single rank: the sum overflows" : where),
      "lower optimizer.learning_rate or set optimizer.clip_norm; `lockstep data inspect` "
      "shows whether the inputs are sane; parameters are as before this step");
}

}  // namespace lockstep
