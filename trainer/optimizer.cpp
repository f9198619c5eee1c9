#include "trainer/optimizer.h"

#include <cmath>

#include "trainer/model/kernels/cpu_kernels.h"
#include "trainer/optimizer_cuda.h"

namespace lockstep {

using torch::Tensor;

Optimizer::Optimizer(const OptimizerConfig& config, FlatBuffers& buffers)
    : config_(config), buffers_(buffers) {
  std::vector<std::string> names;  // as PyTorch names them in its state_dict
  if (config.kind == "adam" || config.kind == "adamw") names = {"exp_avg", "exp_avg_sq"};
  if (config.kind == "sgd" && config.momentum > 0) names = {"momentum_buffer"};
  for (const std::string& name : names) state_[name] = torch::zeros_like(buffers.parameters());
}

void Optimizer::update(int64_t step, double learning_rate, double gradient_scale) {
  if (config_.kind == "sgd") {
    sgd(learning_rate, gradient_scale);
  } else {
    adam(step, learning_rate, gradient_scale);
  }
}

void Optimizer::adam(int64_t step, double learning_rate, double gradient_scale) {
  AdamArguments a;
  a.count = static_cast<size_t>(buffers_.parameters().numel());
  a.parameters = buffers_.parameters().data_ptr<float>();
  a.gradients = buffers_.gradients().const_data_ptr<float>();
  a.mean = state_.at("exp_avg").data_ptr<float>();
  a.square = state_.at("exp_avg_sq").data_ptr<float>();
  a.gradient_scale = static_cast<float>(gradient_scale);
  const double steps = static_cast<double>(step);
  a.step_size = static_cast<float>(learning_rate / (1 - std::pow(config_.beta1, steps)));
  a.square_correction = static_cast<float>(1 / std::sqrt(1 - std::pow(config_.beta2, steps)));
  a.beta1 = static_cast<float>(config_.beta1);
  a.beta2 = static_cast<float>(config_.beta2);
  a.epsilon = static_cast<float>(config_.epsilon);
  const bool decoupled = config_.kind == "adamw";
  a.l2 = decoupled ? 0 : static_cast<float>(config_.weight_decay);
  a.decay = decoupled ? static_cast<float>(1 - learning_rate * config_.weight_decay) : 1;
  if (buffers_.parameters().is_cuda()) {
    adam_on_gpu(a);
  } else {
    cpu_kernels().update.adam(a);
  }
}

void Optimizer::sgd(double learning_rate, double gradient_scale) {
  SgdArguments a;
  a.count = static_cast<size_t>(buffers_.parameters().numel());
  a.parameters = buffers_.parameters().data_ptr<float>();
  a.gradients = buffers_.gradients().const_data_ptr<float>();
  const auto velocity = state_.find("momentum_buffer");
  a.velocity = velocity == state_.end() ? nullptr : velocity->second.data_ptr<float>();
  a.gradient_scale = static_cast<float>(gradient_scale);
  a.learning_rate = static_cast<float>(learning_rate);
  a.momentum = static_cast<float>(config_.momentum);
  a.l2 = static_cast<float>(config_.weight_decay);
  if (buffers_.parameters().is_cuda()) {
    sgd_on_gpu(a);
  } else {
    cpu_kernels().update.sgd(a);
  }
}

std::vector<TensorView> Optimizer::state(std::vector<Tensor>& host_copies) const {
  std::vector<TensorView> all;
  for (const auto& [name, buffer] : state_) {
    Tensor copy;
    for (TensorView& view : buffers_.views(buffer, name + "/", copy))
      all.push_back(std::move(view));
    host_copies.push_back(copy);
  }
  return all;
}

std::vector<Tensor> Optimizer::state_buffers() const {
  std::vector<Tensor> buffers;
  for (const auto& [name, buffer] : state_) buffers.push_back(buffer);
  return buffers;
}

void Optimizer::load_state(const std::map<std::string, StoredTensor>& tensors,
                           const std::string& origin) {
  for (auto& [name, buffer] : state_) buffers_.load(tensors, name + "/", buffer, origin);
}

double norm_of(const Tensor& values) {
  if (values.is_cuda()) return torch::linalg_vector_norm(values).item<double>();
  return std::sqrt(cpu_kernels().update.sum_of_squares(values.const_data_ptr<float>(),
                                                       static_cast<size_t>(values.numel())));
}

}  // namespace lockstep
