#include "trainer/optimizer.h"

#include <cmath>
#include <numeric>

#include "trainer/model/kernels/cpu_kernels.h"
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
  return {0, static_cast<size_t>(buffers.parameters().numel())};
}

}  // namespace

Optimizer::Optimizer(const OptimizerConfig& config, FlatBuffers& buffers, Span shard)
    : config_(config), buffers_(buffers), shard_(shard) {
  for (const std::string& name : state_names(config)) {
    state_[name] =
        torch::zeros({static_cast<int64_t>(shard.size())}, buffers.parameters().options());
  }
}

Optimizer::Optimizer(const OptimizerConfig& config, FlatBuffers& buffers)
    : Optimizer(config, buffers, whole(buffers)) {}

void Optimizer::update(int64_t step, double learning_rate, double gradient_scale) {
  if (config_.kind == "sgd") {
    sgd(learning_rate, gradient_scale);
  } else if (config_.kind == "adagrad") {
    adagrad(learning_rate, gradient_scale);
  } else if (config_.kind == "rmsprop") {
    rmsprop(learning_rate, gradient_scale);
  } else {
    adam(step, learning_rate, gradient_scale);
  }
}

template <class Arguments>
Arguments Optimizer::arguments(double gradient_scale) const {
  Arguments a;
  a.count = shard_.size();
  a.parameters = buffers_.parameters().data_ptr<float>() + shard_.begin;
  a.gradients = buffers_.gradients().const_data_ptr<float>() + shard_.begin;
  a.gradient_scale = static_cast<float>(gradient_scale);
  a.l2 = static_cast<float>(config_.weight_decay);
  return a;
}

float* Optimizer::state_or_null(const std::string& name) const {
  const auto found = state_.find(name);
  return found == state_.end() ? nullptr : found->second.data_ptr<float>();
}

void Optimizer::adam(int64_t step, double learning_rate, double gradient_scale) {
  auto a = arguments<AdamArguments>(gradient_scale);
  a.mean = state_or_null("exp_avg");
  a.square = state_or_null("exp_avg_sq");
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

void Optimizer::sgd(double learning_rate, double gradient_scale) {
  auto a = arguments<SgdArguments>(gradient_scale);
  a.velocity = state_or_null("momentum_buffer");
  a.learning_rate = static_cast<float>(learning_rate);
  a.momentum = static_cast<float>(config_.momentum);
  buffers_.parameters().is_cuda() ? sgd_on_gpu(a) : cpu_kernels().update.sgd(a);
}

void Optimizer::adagrad(double learning_rate, double gradient_scale) {
  auto a = arguments<AdagradArguments>(gradient_scale);
  a.sum = state_or_null("sum");
  a.learning_rate = static_cast<float>(learning_rate);
  a.epsilon = static_cast<float>(config_.epsilon);
  buffers_.parameters().is_cuda() ? adagrad_on_gpu(a) : cpu_kernels().update.adagrad(a);
}

void Optimizer::rmsprop(double learning_rate, double gradient_scale) {
  auto a = arguments<RmspropArguments>(gradient_scale);
  a.square = state_or_null("square_avg");
  a.velocity = state_or_null("momentum_buffer");
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
  const bool sharded = static_cast<int64_t>(shard_.size()) < buffers_.parameters().numel();
  std::vector<TensorView> all;
  for (const auto& [name, state] : state_) {
    Tensor whole = state;
    if (sharded) {
      whole = torch::zeros_like(buffers_.parameters());
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
    buffers_.load(tensors, name + "/", torch::empty({buffers_.parameters().numel()}), origin);
  }
}

void Optimizer::scatter_state(const std::map<std::string, StoredTensor>& tensors,
                              Communicator& exchange, const std::string& origin) {
  for (auto& [name, state] : state_) {
    Tensor whole = torch::zeros_like(buffers_.parameters());
    if (exchange.is_root()) buffers_.load(tensors, name + "/", whole, origin);
    exchange.broadcast(whole.data_ptr<float>(), static_cast<size_t>(whole.numel()), 0);
    state.copy_(part_of(whole));
  }
}

std::vector<double> squared_norms_of_blocks(const Tensor& values) {
  const int64_t count = values.numel();
  std::vector<double> squares;
  if (values.is_cuda()) {
    const int64_t blocks = count / kNormBlock;
    const Tensor body = values.narrow(0, 0, blocks * kNormBlock).view({blocks, kNormBlock});
    const Tensor rest = values.narrow(0, blocks * kNormBlock, count - blocks * kNormBlock);
    const Tensor sums = torch::cat({body.square().sum({1}), rest.square().sum().unsqueeze(0)})
                            .to(torch::kFloat64)
                            .cpu();
    squares.assign(sums.const_data_ptr<double>(), sums.const_data_ptr<double>() + sums.numel());
    return squares;
  }
  const float* first = values.const_data_ptr<float>();
  for (int64_t begin = 0; begin < count; begin += kNormBlock) {
    const int64_t size = std::min(kNormBlock, count - begin);
    squares.push_back(
        cpu_kernels().update.sum_of_squares(first + begin, static_cast<size_t>(size)));
  }
  return squares;
}

double squared_norm_of(const Tensor& values) {
  const std::vector<double> squares = squared_norms_of_blocks(values);
  return std::accumulate(squares.begin(), squares.end(), 0.0);
}

}  // namespace lockstep
