#include "trainer/tasks/forecast_network.h"

namespace lockstep {

using torch::Tensor;

namespace {

constexpr int64_t kChannelSize = 4;

int64_t num_inputs(const SeriesShape& shape, const ModelConfig& config) {
  if (config.joint_channels) return shape.num_features() + shape.num_columns();
  return (shape.masked ? 4 : 2) + shape.num_calendar() + kChannelSize;
}

Tensor last_of(const Tensor& values) {
  return values.narrow(0, values.size(0) - 1, 1);
}
Tensor from_last(const Tensor& values) {
  return values - last_of(values);
}

}  // namespace

ForecasterImpl::ForecasterImpl(const SeriesShape& shape, const ModelConfig& config)
    : config_(config), shape_(shape), lstm_(num_inputs(shape, config), config) {
  register_module("lstm", lstm_);
  const int64_t targets = shape.num_targets();
  const int64_t step_outputs = (config.joint_channels ? targets : 1) * num_outputs();
  if (config.forecast_decoder == "lstm") {
    const int64_t own = config.joint_channels ? targets : 1 + kChannelSize;
    decoder_ = register_module(
        "decoder", ForecastDecoder(lstm_->output_size(), own + shape.num_calendar(), config));
    output_ = torch::nn::Linear(decoder_->output_size(), step_outputs);
  } else {
    output_ = torch::nn::Linear(lstm_->output_size() + shape.horizon * shape.num_calendar(),
                                shape.horizon * step_outputs);
  }
  if (!config.joint_channels) {
    channel_KE_ = register_parameter("channel_weight",
                                     torch::empty({targets, kChannelSize}).uniform_(-0.1, 0.1));
  }
  register_module("output", output_);
  torch::NoGradGuard no_grad;
  for (const Tensor& parameter : output_->parameters())
    parameter.zero_();  // begins as the linear part
  lags_ = config.linear_lags > 0 ? config.linear_lags : shape.history;
  make_ridge("ridge", 0, floor_);
  offset_QKH_ =
      register_buffer("quantile_offset", torch::zeros({num_quantiles(), targets, shape.horizon}));
  make_ridge("linear", shape.calendar.empty() ? 0 : config.calendar_harmonics, linear_);
}

void ForecasterImpl::fit(const Split& train) {
  linear_.fit(train, shape_, config_.ridge);
  floor_.fit(train, shape_, config_.ridge);
  torch::NoGradGuard no_grad;
  if (num_quantiles() > 0) {
    offset_QKH_.copy_(residual_quantiles(linear_, train, shape_, config_.quantiles));
  }
}

Forecast ForecasterImpl::forward(const Tensor& inputs_TBF, const Tensor& known_HBG,
                                 const DropoutKey& key) {
  constexpr int kSummarySite = 0, kLstmSites = 1;
  const Tensor values_TBC = shape_.values(inputs_TBF);
  const Tensor values_TBK = shape_.of_targets(values_TBC);
  const Tensor x_TNF =
      config_.joint_channels ? joint(inputs_TBF, values_TBC) : apart(inputs_TBF, values_TBK);
  const std::vector<int64_t> ids = series_ids(key);
  DropoutKey series_key = key;
  series_key.sample_ids = &ids;
  const Tensor y_TNH = lstm_->forward(x_TNF, {}, series_key, kLstmSites);
  const Tensor pooled =
      pool_over_time(y_TNH, std::vector<int64_t>(static_cast<size_t>(y_TNH.size(1)), y_TNH.size(0)),
                     config_.pooling, config_.bidirectional);
  const Tensor summary = dropout(pooled, config_.dropout, series_key, kSummarySite);
  const Tensor base_HBK = linear_.forecast(values_TBK, known_HBG);
  const Tensor change =
      decoder_.is_empty()
          ? change_at_once(summary, known_HBG)
          : change_step_by_step(summary, base_HBK - last_of(values_TBK), known_HBG, series_key);
  Forecast forecast{base_HBK + change[0], {}};
  for (int64_t q = 1; q < num_outputs(); ++q) {
    const Tensor offset_H1K = offset_QKH_[q - 1].t().unsqueeze(1);
    forecast.quantiles.push_back(base_HBK + offset_H1K + change[q]);
  }
  return forecast;
}

void ForecasterImpl::make_ridge(const std::string& name, int64_t harmonics, RidgeForecast& ridge) {
  const int64_t targets = shape_.num_targets();
  ridge.lags = lags_ - 1;
  ridge.harmonics = harmonics;
  const int64_t width = ridge.lags + harmonics * shape_.num_calendar();
  ridge.weight_KLH =
      register_buffer(name + "_weight", torch::zeros({targets, width, shape_.horizon}));
  ridge.bias_KH = register_buffer(name + "_bias", torch::zeros({targets, shape_.horizon}));
}

Tensor ForecasterImpl::change_at_once(const Tensor& summary, const Tensor& known_HBG) {
  Tensor features = summary;
  if (known_HBG.defined()) features = torch::cat({features, of_future(known_HBG)}, 1);
  return output_->forward(features)
      .view({-1, shape_.num_targets(), shape_.horizon, num_outputs()})
      .permute({3, 2, 0, 1});
}

Tensor ForecasterImpl::change_step_by_step(const Tensor& summary, const Tensor& ahead_HBK,
                                           const Tensor& known_HBG, const DropoutKey& key) {
  constexpr int kDecoderSites = 1000, kStepSite = 2000;
  const int64_t batch = ahead_HBK.size(1), targets = shape_.num_targets();
  std::vector<Tensor> parts;
  if (config_.joint_channels) {
    parts.push_back(ahead_HBK);
    if (known_HBG.defined()) parts.push_back(known_HBG);
  } else {
    parts = {ahead_HBK.unsqueeze(3),
             channel_KE_.view({1, 1, targets, -1}).expand({shape_.horizon, batch, -1, -1})};
    if (known_HBG.defined()) {
      parts.push_back(known_HBG.unsqueeze(2).expand({-1, -1, targets, -1}));
    }
  }
  const Tensor x_HNG = torch::cat(parts, -1).reshape({shape_.horizon, summary.size(0), -1});
  const Tensor y_HNM = decoder_->forward(summary, x_HNG, key, kDecoderSites);
  return output_->forward(dropout(y_HNM, config_.dropout, key, kStepSite))
      .view({shape_.horizon, batch, targets, num_outputs()})
      .permute({3, 0, 1, 2});
}

Tensor ForecasterImpl::joint(const Tensor& inputs_TBF, const Tensor& values_TBC) const {
  return torch::cat({from_last(values_TBC), inputs_TBF}, 2);
}

Tensor ForecasterImpl::apart(const Tensor& inputs_TBF, const Tensor& values_TBK) const {
  const int64_t time = inputs_TBF.size(0), batch = inputs_TBF.size(1);
  const int64_t targets = shape_.num_targets(), columns = shape_.num_columns();
  std::vector<Tensor> parts = {from_last(values_TBK).unsqueeze(3), values_TBK.unsqueeze(3)};
  for (int64_t i = 1; shape_.masked && i < 3; ++i) {
    parts.push_back(shape_.of_targets(inputs_TBF.narrow(2, i * columns, columns)).unsqueeze(3));
  }
  const Tensor calendar =
      inputs_TBF.narrow(2, inputs_TBF.size(2) - shape_.num_calendar(), shape_.num_calendar());
  parts.push_back(calendar.unsqueeze(2).expand({-1, -1, targets, -1}));
  parts.push_back(channel_KE_.view({1, 1, targets, -1}).expand({time, batch, -1, -1}));
  return torch::cat(parts, 3).reshape({time, batch * targets, -1});
}

Tensor ForecasterImpl::of_future(const Tensor& known_HBG) const {
  const Tensor flat_BG = known_HBG.transpose(0, 1).reshape({known_HBG.size(1), -1});
  return config_.joint_channels ? flat_BG : flat_BG.repeat_interleave(shape_.num_targets(), 0);
}

std::vector<int64_t> ForecasterImpl::series_ids(const DropoutKey& key) const {
  if (key.sample_ids == nullptr) return {};
  if (config_.joint_channels) return *key.sample_ids;
  std::vector<int64_t> ids;
  for (const int64_t id : *key.sample_ids) {
    for (int64_t k = 0; k < shape_.num_targets(); ++k) ids.push_back(id * shape_.num_targets() + k);
  }
  return ids;
}

}  // namespace lockstep
