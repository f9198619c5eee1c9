// N series, S numbers of a summary, H steps ahead, G numbers known of a step, M outputs.
#include "trainer/tasks/forecast_decoder.h"

#include "trainer/model/lstm_cell_variants.h"

namespace lockstep {

using torch::Tensor;

namespace {

ModelConfig of_one_direction(ModelConfig config) {
  config.bidirectional = false;
  return config;
}

}  // namespace

ForecastDecoderImpl::ForecastDecoderImpl(int64_t summary_size, int64_t known_size,
                                         const ModelConfig& config)
    : config_(of_one_direction(config)) {
  const int64_t states = config_.num_layers * (lstm_outputs(config_) + config_.hidden_size);
  bridge_ = register_module("bridge", torch::nn::Linear(summary_size, states));
  lstm_ = register_module("lstm", LstmStack(known_size, config_));
}

/// h and c of each layer.
std::vector<LstmState> ForecastDecoderImpl::first_states(const Tensor& summary_NS) {
  const Tensor all = bridge_->forward(summary_NS).tanh();
  const int64_t outputs = lstm_outputs(config_), cells = config_.hidden_size;
  std::vector<LstmState> states;
  for (int64_t begin = 0; begin < all.size(1); begin += outputs + cells) {
    states.push_back({all.narrow(1, begin, outputs).contiguous(),
                      all.narrow(1, begin + outputs, cells).contiguous()});
  }
  return states;
}

Tensor ForecastDecoderImpl::forward(const Tensor& summary_NS, const Tensor& known_HNG,
                                    const DropoutKey& key, int first_site) {
  std::vector<LstmState> states = first_states(summary_NS);
  return lstm_->forward(known_HNG, {}, key, first_site, &states);
}

}  // namespace lockstep
