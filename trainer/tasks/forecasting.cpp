// T history, B batch, K targets, H horizon.
#include "trainer/tasks/forecasting.h"

#include <algorithm>
#include <cmath>

#include "data/base/error.h"
#include "trainer/tasks/forecast_errors.h"
#include "trainer/tasks/forecast_floors.h"
#include "trainer/tasks/forecast_network.h"
#include "trainer/tasks/forecast_table.h"
#include "trainer/tasks/series_shape.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

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
