// The network behind the task forecasting: an LSTM corrects what a linear regression says.
//
// T history, B batch, F features, C columns, K targets, G calendar features, H horizon, Q
// quantiles, N = B * K series (B where the channels are joint).
#pragma once

#include "trainer/model/libtorch.h"

#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "trainer/model/lstm_stack.h"
#include "trainer/model/model_config.h"
#include "trainer/tasks/forecast_decoder.h"
#include "trainer/tasks/forecast_floors.h"
#include "trainer/tasks/series_shape.h"

namespace lockstep {

/// What a network says of a batch, each [H, B, K].
struct Forecast {
  torch::Tensor point;
  std::vector<torch::Tensor> quantiles;
};

/// Parameters are named lstm.*, output.*, decoder.* (where there is one) and channel_weight (a
/// vector for each target, unless the channels are joint); the buffers linear_* (the autoregressive
/// part), quantile_offset and ridge_* (a floor) are solved, not trained.
class ForecasterImpl : public torch::nn::Module {
 public:
  ForecasterImpl(const SeriesShape& shape, const ModelConfig& config);

  /// Solves the autoregressive part, with the quantiles of what it leaves, and, without the
  /// calendar, the floor beside it.
  void fit(const Split& train);
  const RidgeForecast& floor() const { return floor_; }
  int64_t lags() const { return lags_; }

  /// inputs [T, B, F], known features of the future [H, B, G] (undefined: there are none).
  Forecast forward(const torch::Tensor& inputs_TBF, const torch::Tensor& known_HBG,
                   const DropoutKey& key);

 private:
  void make_ridge(const std::string& name, int64_t harmonics, RidgeForecast& ridge);
  int64_t num_quantiles() const { return static_cast<int64_t>(config_.quantiles.size()); }
  int64_t num_outputs() const { return 1 + num_quantiles(); }

  /// What the network adds to the linear part, by one layer for all steps: [1 + Q, H, B, K].
  torch::Tensor change_at_once(const torch::Tensor& summary, const torch::Tensor& known_HBG);
  /// The same by the decoder, which reads the linear part's forecast as a difference from the last
  /// value, the calendar, and (of series apart) the target's vector.
  torch::Tensor change_step_by_step(const torch::Tensor& summary, const torch::Tensor& ahead_HBK,
                                    const torch::Tensor& known_HBG, const DropoutKey& key);

  /// All columns side by side, and their differences from the last step: [T, B, F + C].
  torch::Tensor joint(const torch::Tensor& inputs_TBF, const torch::Tensor& values_TBC) const;
  /// Each target as a series of its own: its value, its difference from the last step, whether it
  /// is missing and since when, the calendar, and the target's own vector: [T, N, ...].
  torch::Tensor apart(const torch::Tensor& inputs_TBF, const torch::Tensor& values_TBK) const;
  /// [H, B, G] -> [N, H * G].
  torch::Tensor of_future(const torch::Tensor& known_HBG) const;
  /// Of the LSTM's columns, for its dropout.
  std::vector<int64_t> series_ids(const DropoutKey& key) const;

  ModelConfig config_;
  SeriesShape shape_;
  LstmStack lstm_;
  ForecastDecoder decoder_{nullptr};  ///< none where all steps come from one layer
  torch::nn::Linear output_{nullptr};
  torch::Tensor channel_KE_;
  int64_t lags_ = 0;
  RidgeForecast floor_, linear_;
  torch::Tensor offset_QKH_;  ///< quantiles of the linear part's errors in training
};
TORCH_MODULE(Forecaster);

}  // namespace lockstep
