#include "trainer/optimizer.h"

#include <algorithm>
#include <cmath>

#include "trainer/model/kernels/cpu_kernels.h"
#include "trainer/name_patterns.h"
#include "trainer/optimizer_cuda.h"

namespace lockstep {

using torch::Tensor;

namespace {

/// As PyTorch names them in its state_dict.
std::vector<std::string> state_names(const OptimizerConfig& config) {
  if (config.kind == "adam" || config.kind == "adamw") return {"exp_avg", "exp_avg_sq"};
  if (config.kind == "adagrad") return {"sum"};
  std::vector<std::string> names;
  if (config.kind == "rmsprop") names.emplace_back("square_avg");
  if (config.momentum > 0) names.emplace_back("momentum_buffer");
  return names;
}

Span whole(const FlatBuffers& buffers) {
  return {0, static_cast<size_t>(buffers.gradients().numel())};
}

}  // namespace

Optimizer::Optimizer(const OptimizerConfig& config, FlatBuffers& buffers, Span shard)
    : config_(config), buffers_(buffers), shard_(shard) {
  for (const std::string& name : state_names(config)) {
    state_[name] =
        torch::zeros({static_cast<int64_t>(shard.size())}, buffers.parameters().options());
  }
  make_segments();
}

Optimizer::Optimizer(const OptimizerConfig& config, FlatBuffers& buffers)
    : Optimizer(config, buffers, whole(buffers)) {}

void Optimizer::make_segments() {
  const std::vector<NamedNumber> factors =
      named_numbers("optimizer.rate_factors", config_.rate_factors);
  std::vector<std::string> patterns, names;
  for (const NamedNumber& factor : factors) patterns.push_back(factor.name);
  for (const FlatBuffers::Range& range : buffers_.ranges()) names.push_back(range.name);
  require_all_fit("optimizer.rate_factors", patterns, names);
  std::map<int64_t, double> factor_from;  // by offset, up to the next one
  for (const FlatBuffers::Range& range : buffers_.ranges()) {
    const auto found = std::find_if(factors.begin(), factors.end(), [&](const NamedNumber& f) {
      return name_fits(range.name, f.name);
    });
    if (range.trained) factor_from[range.offset] = found == factors.end() ? 1 : found->number;
  }
  segments_ = {{{shard_.begin, shard_.begin}, 1}};
  for (auto at = factor_from.begin(); at != factor_from.end(); ++at) {
    const auto next = std::next(at);
    const size_t end = next == factor_from.end() ? shard_.end : static_cast<size_t>(next->first);
    Segment& last = segments_.back();
    const size_t begin = last.span.end, limit = std::min(end, shard_.end);
    if (limit <= begin) continue;  // before the shard, or behind it
    if (last.span.size() > 0 && last.factor != at->second) {
      segments_.push_back({{begin, limit}, at->second});
    } else {
      last = {{last.span.begin, limit}, at->second};
    }
  }
}

void Optimizer::update(int64_t step, double learning_rate, double gradient_scale) {
  for (const Segment& segment : segments_) {
    const double rate = learning_rate * segment.factor;
    if (config_.kind == "sgd") {
      sgd(segment, rate, gradient_scale);
    } else if (config_.kind == "adagrad") {
      adagrad(segment, rate, gradient_scale);
    } else if (config_.kind == "rmsprop") {
      rmsprop(segment, rate, gradient_scale);
    } else {
      adam(segment, step, rate, gradient_scale);
    }
  }
}

template <class Arguments>
Arguments Optimizer::arguments(const Segment& segment, double gradient_scale) const {
  Arguments a;
  a.count = segment.span.size();
  a.parameters = buffers_.parameters().data_ptr<float>() + segment.span.begin;
  a.gradients = buffers_.gradients().const_data_ptr<float>() + segment.span.begin;
  a.gradient_scale = static_cast<float>(gradient_scale);
  a.l2 = static_cast<float>(config_.weight_decay);
  return a;
}

float* Optimizer::state_or_null(const std::string& name, const Segment& segment) const {
  const auto found = state_.find(name);
  if (found == state_.end()) return nullptr;
  return found->second.data_ptr<float>() + (segment.span.begin - shard_.begin);
}

void Optimizer::adam(const Segment& segment, int64_t step, double learning_rate,
                     double gradient_scale) {
  auto a = arguments<AdamArguments>(segment, gradient_scale);
  a.mean = state_or_null("exp_avg", segment);
  a.square = state_or_null("exp_avg_sq", segment);
  const double steps = static_cast<double>(step);
  a.step_size = static_cast<float>(learning_rate / (1 - std::pow(config_.beta1, steps)));
  a.square_correction = static_cast<float>(1 / std::sqrt(1 - std::pow(config_.beta2, steps)));
  a.beta1 = static_cast<float>(config_.beta1);
  a.beta2 = static_cast<float>(config_.beta2);
  a.epsilon = static_cast<float>(config_.epsilon);
  if (config_.kind == "adamw") {
    a.l2 = 0;
    a.decay = static_cast<float>(1 - learning_rate * config_.weight_decay);
  }
  buffers_.parameters().is_cuda() ? adam_on_gpu(a) : cpu_kernels().update.adam(a);
}

void Optimizer::sgd(const Segment& segment, double learning_rate, double gradient_scale) {
  auto a = arguments<SgdArguments>(segment, gradient_scale);
  a.velocity = state_or_null("momentum_buffer", segment);
  a.learning_rate = static_cast<float>(learning_rate);
  a.momentum = static_cast<float>(config_.momentum);
  buffers_.parameters().is_cuda() ? sgd_on_gpu(a) : cpu_kernels().update.sgd(a);
}

void Optimizer::adagrad(const Segment& segment, double learning_rate, double gradient_scale) {
  auto a = arguments<AdagradArguments>(segment, gradient_scale);
  a.sum = state_or_null("sum", segment);
  a.learning_rate = static_cast<float>(learning_rate);
  a.epsilon = static_cast<float>(config_.epsilon);
  buffers_.parameters().is_cuda() ? adagrad_on_gpu(a) : cpu_kernels().update.adagrad(a);
}

void Optimizer::rmsprop(const Segment& segment, double learning_rate, double gradient_scale) {
  auto a = arguments<RmspropArguments>(segment, gradient_scale);
  a.square = state_or_null("square_avg", segment);
  a.velocity = state_or_null("momentum_buffer", segment);
  a.learning_rate = static_cast<float>(learning_rate);
  a.smoothing = static_cast<float>(config_.smoothing);
  a.momentum = static_cast<float>(config_.momentum);
  a.epsilon = static_cast<float>(config_.epsilon);
  buffers_.parameters().is_cuda() ? rmsprop_on_gpu(a) : cpu_kernels().update.rmsprop(a);
}

int64_t Optimizer::state_bytes() const {
  return num_states() * static_cast<int64_t>(shard_.size() * sizeof(float));
}

Tensor Optimizer::part_of(const Tensor& whole) const {
  return whole.narrow(0, static_cast<int64_t>(shard_.begin), static_cast<int64_t>(shard_.size()));
}

std::vector<TensorView> Optimizer::gather_state(Communicator& exchange,
                                                const std::vector<Span>& shards,
                                                std::vector<Tensor>& memory) const {
  const bool sharded = !shards.empty();  // of a small model one rank may have all
  std::vector<TensorView> all;
  for (const auto& [name, state] : state_) {
    Tensor whole = state;
    if (sharded) {
      whole = torch::zeros_like(buffers_.gradients());
      part_of(whole).copy_(state);
      exchange.all_gather(whole.data_ptr<float>(), shards);
    }
    if (!exchange.is_root()) continue;
    Tensor copy;
    for (TensorView& view : buffers_.views(whole, name + "/", copy)) all.push_back(std::move(view));
    memory.push_back(copy);
  }
  return all;
}

void Optimizer::check_state(const std::map<std::string, StoredTensor>& tensors,
                            const std::string& origin) const {
  for (const auto& [name, state] : state_) {
    buffers_.load(tensors, name + "/", torch::empty({buffers_.gradients().numel()}), origin);
  }
}

void Optimizer::scatter_state(const std::map<std::string, StoredTensor>& tensors,
                              Communicator& exchange, const std::string& origin) {
  for (auto& [name, state] : state_) {
    Tensor whole = torch::zeros_like(buffers_.gradients());
    if (exchange.is_root()) buffers_.load(tensors, name + "/", whole, origin);
    exchange.broadcast(whole.data_ptr<float>(), static_cast<size_t>(whole.numel()), 0);
    state.copy_(part_of(whole));
  }
}

namespace {

/// Gives `take` the squared norm of each block in order.
template <class Take>
void each_block(const Tensor& values, Take take) {
  const int64_t count = values.numel();
  if (values.is_cuda()) {
    const int64_t blocks = count / kNormBlock;
    const Tensor body = values.narrow(0, 0, blocks * kNormBlock).view({blocks, kNormBlock});
    const Tensor rest = values.narrow(0, blocks * kNormBlock, count - blocks * kNormBlock);
    const Tensor sums = torch::cat({body.square().sum({1}), rest.square().sum().unsqueeze(0)})
                            .to(torch::kFloat64)
                            .cpu();
    for (int64_t i = 0; i < sums.numel(); ++i) take(sums.const_data_ptr<double>()[i]);
    return;
  }
  const float* first = values.const_data_ptr<float>();
  for (int64_t begin = 0; begin < count; begin += kNormBlock) {
    const int64_t size = std::min(kNormBlock, count - begin);
    take(cpu_kernels().update.sum_of_squares(first + begin, static_cast<size_t>(size)));
  }
}

}  // namespace

void squared_norms_of_blocks(const Tensor& values, std::vector<double>& squares) {
  squares.clear();
  each_block(values, [&](double square) { squares.push_back(square); });
}

double squared_norm_of(const Tensor& values) {
  double sum = 0;
  each_block(values, [&](double square) { sum += square; });
  return sum;
}

}  // namespace lockstep
