// Steps ahead one after the other: the second half of an encoder and decoder.
#pragma once

#include "trainer/model/libtorch.h"

#include "trainer/model/dropout.h"
#include "trainer/model/lstm_stack.h"
#include "trainer/model/model_config.h"

namespace lockstep {

/// LSTM layers that begin from what the encoder made of the history, through a layer of its own
/// (Cho et al. 2014), and read what is known of each step ahead. They are not shown their own
/// forecasts, so that all steps are computed together, in training as in use (Wen et al. 2017).
/// Parameters are named bridge.* and lstm.*.
///
/// N series, S numbers of a summary, H steps ahead, G numbers known of a step, M outputs.
class ForecastDecoderImpl : public torch::nn::Module {
 public:
  ForecastDecoderImpl(int64_t summary_size, int64_t known_size, const ModelConfig& config);

  /// [N, S], [H, N, G] -> [H, N, M]. Dropout uses the sites from `first_site` on.
  torch::Tensor forward(const torch::Tensor& summary_NS, const torch::Tensor& known_HNG,
                        const DropoutKey& key, int first_site);
  int64_t output_size() const { return lstm_->output_size(); }

 private:
  std::vector<LstmState> first_states(const torch::Tensor& summary_NS);

  ModelConfig config_;  ///< of one direction
  LstmStack lstm_{nullptr};
  torch::nn::Linear bridge_{nullptr};
};
TORCH_MODULE(ForecastDecoder);

}  // namespace lockstep
