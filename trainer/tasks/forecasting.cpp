// T history, B batch, F features, C columns, K targets, H horizon, Q quantiles, N = B * K series.
#include "trainer/tasks/forecasting.h"

#include <algorithm>
#include <cmath>

#include "data/base/error.h"
#include "trainer/model/lstm_stack.h"
#include "trainer/tasks/forecast_decoder.h"
#include "trainer/tasks/forecast_errors.h"
#include "trainer/tasks/forecast_floors.h"
#include "trainer/tasks/forecast_table.h"
#include "trainer/tasks/series_shape.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

/// What a network says of a batch, each [H, B, K].
struct Forecast {
  Tensor point;
  std::vector<Tensor> quantiles;
};

/// Parameters are named lstm.*, output.*, decoder.* (where there is one) and channel_weight (a
/// vector for each target, unless the channels are joint); the buffers linear_* (the autoregressive
/// part), quantile_offset and ridge_* (a floor) are solved, not trained.
class ForecasterImpl : public torch::nn::Module {
 public:
  ForecasterImpl(const SeriesShape& shape, const ModelConfig& config)
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

  /// Solves the autoregressive part, with the quantiles of what it leaves, and, without the
  /// calendar, the floor beside it.
  void fit(const Split& train) {
    linear_.fit(train, shape_, config_.ridge);
    floor_.fit(train, shape_, config_.ridge);
    torch::NoGradGuard no_grad;
    if (num_quantiles() > 0) {
      offset_QKH_.copy_(residual_quantiles(linear_, train, shape_, config_.quantiles));
    }
  }
  const RidgeForecast& floor() const { return floor_; }
  int64_t lags() const { return lags_; }

  /// inputs [T, B, F], known features of the future [H, B, G] (undefined: there are none).
  Forecast forward(const Tensor& inputs_TBF, const Tensor& known_HBG, const DropoutKey& key) {
    constexpr int kSummarySite = 0, kLstmSites = 1;
    const Tensor values_TBC = shape_.values(inputs_TBF);
    const Tensor values_TBK = shape_.of_targets(values_TBC);
    const Tensor x_TNF =
        config_.joint_channels ? joint(inputs_TBF, values_TBC) : apart(inputs_TBF, values_TBK);
    const std::vector<int64_t> ids = series_ids(key);
    DropoutKey series_key = key;
    series_key.sample_ids = &ids;
    const Tensor y_TNH = lstm_->forward(x_TNF, {}, series_key, kLstmSites);
    const Tensor pooled = pool_over_time(
        y_TNH, std::vector<int64_t>(static_cast<size_t>(y_TNH.size(1)), y_TNH.size(0)),
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

 private:
  static constexpr int64_t kChannelSize = 4;

  void make_ridge(const std::string& name, int64_t harmonics, RidgeForecast& ridge) {
    const int64_t targets = shape_.num_targets();
    ridge.lags = lags_ - 1;
    ridge.harmonics = harmonics;
    const int64_t width = ridge.lags + harmonics * shape_.num_calendar();
    ridge.weight_KLH =
        register_buffer(name + "_weight", torch::zeros({targets, width, shape_.horizon}));
    ridge.bias_KH = register_buffer(name + "_bias", torch::zeros({targets, shape_.horizon}));
  }

  static int64_t num_inputs(const SeriesShape& shape, const ModelConfig& config) {
    if (config.joint_channels) return shape.num_features() + shape.num_columns();
    return (shape.masked ? 4 : 2) + shape.num_calendar() + kChannelSize;
  }
  int64_t num_quantiles() const { return static_cast<int64_t>(config_.quantiles.size()); }
  int64_t num_outputs() const { return 1 + num_quantiles(); }

  /// What the network adds to the linear part, by one layer for all steps: [1 + Q, H, B, K].
  Tensor change_at_once(const Tensor& summary, const Tensor& known_HBG) {
    Tensor features = summary;
    if (known_HBG.defined()) features = torch::cat({features, of_future(known_HBG)}, 1);
    return output_->forward(features)
        .view({-1, shape_.num_targets(), shape_.horizon, num_outputs()})
        .permute({3, 2, 0, 1});
  }

  /// The same by the decoder, which reads the linear part's forecast as a difference from the last
  /// value, the calendar, and (of series apart) the target's vector.
  Tensor change_step_by_step(const Tensor& summary, const Tensor& ahead_HBK,
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

  static Tensor last_of(const Tensor& values) { return values.narrow(0, values.size(0) - 1, 1); }
  static Tensor from_last(const Tensor& values) { return values - last_of(values); }

  /// All columns side by side, and their differences from the last step: [T, B, F + C].
  Tensor joint(const Tensor& inputs_TBF, const Tensor& values_TBC) const {
    return torch::cat({from_last(values_TBC), inputs_TBF}, 2);
  }

  /// Each target as a series of its own: its value, its difference from the last step, whether it
  /// is missing and since when, the calendar, and the target's own vector: [T, N, ...].
  Tensor apart(const Tensor& inputs_TBF, const Tensor& values_TBK) const {
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

  /// [H, B, G] -> [N, H * G].
  Tensor of_future(const Tensor& known_HBG) const {
    const Tensor flat_BG = known_HBG.transpose(0, 1).reshape({known_HBG.size(1), -1});
    return config_.joint_channels ? flat_BG : flat_BG.repeat_interleave(shape_.num_targets(), 0);
  }

  /// Of the LSTM's columns, for its dropout.
  std::vector<int64_t> series_ids(const DropoutKey& key) const {
    if (key.sample_ids == nullptr) return {};
    if (config_.joint_channels) return *key.sample_ids;
    std::vector<int64_t> ids;
    for (const int64_t id : *key.sample_ids) {
      for (int64_t k = 0; k < shape_.num_targets(); ++k)
        ids.push_back(id * shape_.num_targets() + k);
    }
    return ids;
  }

  ModelConfig config_;
  SeriesShape shape_;
  LstmStack lstm_;
  ForecastDecoder decoder_{nullptr};  ///< none where all steps come from one layer
  torch::nn::Linear output_{nullptr};
  Tensor channel_KE_;
  int64_t lags_ = 0;
  RidgeForecast floor_, linear_;
  Tensor offset_QKH_;  ///< quantiles of the linear part's errors in training
};
TORCH_MODULE(Forecaster);

Tensor point_loss(const Tensor& error, const std::string& kind) {
  if (kind == "mse") return error.square().sum();
  const Tensor size = error.abs();
  if (kind == "mae") return size.sum();
  return torch::where(size < 1, 0.5 * error.square(), size - 0.5).sum();
}

class ForecastingTask : public Task {
 public:
  ForecastingTask(const ModelConfig& config, json description)
      : config_(config),
        description_(std::move(description)),
        shape_(series_shape_of(description_)),
        errors_(shape_, {"", "ridge_", "persistence_", "seasonal_"}, config.season),
        network_(shape_, config) {}

  torch::nn::Module& model() override { return *network_; }
  json description() const override { return description_; }
  std::string summary() const override {
    return fmt::format("{} series, {} steps from {}; ridge on {} lags + {} x lstm {} {}",
                       shape_.num_targets(), shape_.horizon, shape_.history, network_->lags(),
                       config_.num_layers, config_.hidden_size,
                       config_.joint_channels ? "over all columns" : "shared by the series") +
           (config_.forecast_decoder == "lstm" ? ", and a decoder" : "");
  }

  std::vector<std::string> sum_names() const override {
    std::vector<std::string> names = errors_.sum_names();
    names.insert(names.begin(), {"loss", "targets"});
    return names;
  }
  /// Training steps measure nothing but their loss.
  Metrics metrics(const std::vector<double>& sums) const override {
    Metrics metrics = {{"loss", sums[0] / (sums[1] > 0 ? sums[1] : NAN)}};
    if (sums[2] > 0) errors_.add_metrics(sums.data() + 2, !config_.quantiles.empty(), metrics);
    return metrics;
  }

  void prepare(const Split& train) override { network_->fit(train); }
  TaskOutput compute(const DeviceBatch& batch, const DropoutKey& key) override;
  std::vector<json> predict(const DeviceBatch& batch) override;
  bool continues_tables() const override { return true; }
  void continue_table(const std::filesystem::path& file, std::ostream& out) override;

 private:
  Forecast forecast_of(const DeviceBatch& batch, const DropoutKey& key);
  Tensor unscaled(const Tensor& x_HBK) const {
    return x_HBK.cpu() * shape_.target_deviation() + shape_.target_mean();
  }

  ModelConfig config_;
  json description_;
  SeriesShape shape_;
  ForecastErrors errors_;
  Forecaster network_;
};

Forecast ForecastingTask::forecast_of(const DeviceBatch& batch, const DropoutKey& key) {
  const bool whole = std::all_of(batch.lengths.begin(), batch.lengths.end(),
                                 [&](int64_t length) { return length == shape_.history; });
  if (!whole) {
    throw Error(ExitCode::corrupt,
                fmt::format("a window has not {} steps, as all must have", shape_.history));
  }
  const Tensor known = shape_.calendar.empty() ? Tensor() : batch.target("known");
  return network_->forward(batch.inputs, known, key);
}

TaskOutput ForecastingTask::compute(const DeviceBatch& batch, const DropoutKey& key) {
  const Forecast forecast = forecast_of(batch, key);
  const Tensor& future_HBK = batch.target("future");
  Tensor loss_sum = point_loss(forecast.point - future_HBK, config_.forecast_loss);
  for (size_t i = 0; i < forecast.quantiles.size(); ++i) {
    loss_sum = loss_sum + pinball_loss(forecast.quantiles[i], future_HBK, config_.quantiles[i]);
  }
  torch::NoGradGuard no_grad;
  const auto targets = static_cast<float>(future_HBK.numel());
  const Tensor head =
      torch::stack({loss_sum.detach(), torch::full({}, targets, loss_sum.options())});
  if (key.training) {
    const auto rest = static_cast<int64_t>(errors_.sum_names().size());
    return {loss_sum, torch::cat({head, torch::zeros({rest}, head.options())})};
  }
  const Tensor values_TBK = shape_.of_targets(shape_.values(batch.inputs));
  const Tensor sums = errors_.sums(values_TBK, future_HBK,
                                   {forecast.point, network_->floor().forecast(values_TBK, {}),
                                    persistence_forecast(values_TBK, shape_.horizon),
                                    seasonal_forecast(values_TBK, shape_.horizon, config_.season)},
                                   forecast.quantiles, config_.quantiles);
  return {loss_sum, torch::cat({head, sums})};
}

/// [H, K] as lists.
json rows_of_numbers(const Tensor& x_HK) {
  json rows = json::array();
  for (int64_t h = 0; h < x_HK.size(0); ++h) {
    const Tensor row = x_HK[h].contiguous();
    rows.push_back(
        std::vector<float>(row.const_data_ptr<float>(), row.const_data_ptr<float>() + row.numel()));
  }
  return rows;
}

std::vector<json> ForecastingTask::predict(const DeviceBatch& batch) {
  torch::NoGradGuard no_grad;
  const Forecast forecast = forecast_of(batch, {});
  std::vector<json> answers;
  for (int64_t b = 0; b < batch.size(); ++b) {
    json answer = {{"forecast", rows_of_numbers(unscaled(forecast.point).select(1, b))}};
    for (size_t i = 0; i < forecast.quantiles.size(); ++i) {
      answer["quantiles"][fmt::format("{}", config_.quantiles[i])] =
          rows_of_numbers(unscaled(forecast.quantiles[i]).select(1, b));
    }
    answers.push_back(std::move(answer));
  }
  return answers;
}

void ForecastingTask::continue_table(const std::filesystem::path& file, std::ostream& out) {
  torch::NoGradGuard no_grad;
  const TableWindow window = read_last_window(file, shape_);
  const torch::Device device = network_->parameters()[0].device();
  const Tensor known = window.known_H1G.defined() ? window.known_H1G.to(device) : Tensor();
  const Forecast forecast = network_->forward(window.inputs_T1F.to(device), known, {});
  ForecastColumns columns;
  columns.add("", unscaled(forecast.point).select(1, 0));
  for (size_t i = 0; i < forecast.quantiles.size(); ++i) {
    columns.add(fmt::format(":{}", config_.quantiles[i]),
                unscaled(forecast.quantiles[i]).select(1, 0));
  }
  write_forecast(window, columns, shape_, out);
}

void check_quantiles(const std::vector<double>& quantiles) {
  for (size_t i = 0; i < quantiles.size(); ++i) {
    const bool fits =
        quantiles[i] > 0 && quantiles[i] < 1 && (i == 0 || quantiles[i] > quantiles[i - 1]);
    if (!fits) {
      throw Error(ExitCode::config,
                  fmt::format("model.quantiles: {} is not between 0 and 1, or not larger than the "
                              "one before",
                              quantiles[i]),
                  "for example [0.1, 0.5, 0.9]");
    }
  }
}

std::unique_ptr<Task> make_forecaster(const ModelConfig& config, const json& description) {
  const SeriesShape shape = series_shape_of(description);
  check_quantiles(config.quantiles);
  for (const auto& [name, steps] :
       {std::pair("season", config.season), std::pair("linear_lags", config.linear_lags)}) {
    if (steps <= shape.history) continue;
    throw Error(ExitCode::config,
                fmt::format("model.{}: {} steps are more than the {} of the data set's history",
                            name, steps, shape.history),
                "import the series with a longer --history");
  }
  return std::make_unique<ForecastingTask>(config, description);
}

}  // namespace

TaskEntry forecasting_entry() {
  return {"forecasting", &describe_series, &make_forecaster};
}

}  // namespace lockstep
