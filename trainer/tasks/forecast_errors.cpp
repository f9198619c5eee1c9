#include "trainer/tasks/forecast_errors.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace lockstep {

using torch::Tensor;

namespace {

/// Sums that all forecasts share, in the order in which they are stored.
constexpr const char* kCommonSums[] = {"points",      "scaled_points", "last_points",
                                       "last_values", "last_squared",  "pinball",
                                       "covered",     "width"};
constexpr size_t kNumCommon = std::size(kCommonSums);
constexpr const char* kErrorSums[] = {"se", "ae", "rse", "smape", "mase"};
constexpr size_t kNumErrors = std::size(kErrorSums);

Tensor last_step(const Tensor& x_HBK) {
  return x_HBK.select(0, x_HBK.size(0) - 1);
}

Tensor number(double value, const Tensor& like) {
  return torch::full({}, value, like.options());
}

/// Mean seasonal difference of each history, [B, K].
Tensor seasonal_differences(const Tensor& values_TBK, int64_t season) {
  const int64_t count = values_TBK.size(0) - season;
  if (count < 1) return torch::zeros_like(values_TBK[0]);
  return (values_TBK.narrow(0, season, count) - values_TBK.narrow(0, 0, count)).abs().mean(0);
}

/// sqrt(errors / (squared - values^2 / count))
double relative_error(double errors, double count, double values, double squared) {
  const double spread = squared - values * values / count;
  return spread > 0 ? std::sqrt(errors / spread) : NAN;
}

}  // namespace

Tensor pinball_loss(const Tensor& quantile, const Tensor& future, double probability) {
  const Tensor above = future - quantile;
  return torch::maximum(probability * above, (probability - 1) * above).sum();
}

ForecastErrors::ForecastErrors(const SeriesShape& shape, std::vector<std::string> names,
                               int64_t season)
    : names_(std::move(names)),
      season_(season),
      mean_K_(shape.target_mean()),
      deviation_K_(shape.target_deviation()) {
  const Tensor mean = mean_K_.to(torch::kFloat64), deviation = deviation_K_.to(torch::kFloat64);
  const Tensor centre = mean.mean();
  const Tensor unit = (deviation.square() + (mean - centre).square()).mean().sqrt();
  gain_K_ = (deviation / unit).to(torch::kFloat32);
  offset_K_ = ((mean - centre) / unit).to(torch::kFloat32);
}

std::vector<std::string> ForecastErrors::sum_names() const {
  std::vector<std::string> all(std::begin(kCommonSums), std::end(kCommonSums));
  for (const std::string& name : names_) {
    for (const char* error : kErrorSums) all.push_back(fmt::format("{}{}", name, error));
  }
  return all;
}

Tensor ForecastErrors::errors_of(const Tensor& forecast_HBK, const Tensor& future_HBK,
                                 const Tensor& scale_BK) const {
  const Tensor error = (forecast_HBK - future_HBK).abs();
  const Tensor own_units = (error * gain_K_.to(error.device())).square();
  const auto as_it_was = [&](const Tensor& x) {
    return (x * deviation_K_.to(x.device()) + mean_K_.to(x.device())).abs();
  };
  const Tensor size = as_it_was(future_HBK) + as_it_was(forecast_HBK);
  const Tensor smape = 2 * error * deviation_K_.to(error.device()) / size.clamp_min(1e-30);
  const Tensor scaled = torch::where(scale_BK > 0, error / scale_BK, torch::zeros_like(error));
  return torch::stack(
      {error.square().sum(), error.sum(), last_step(own_units).sum(), smape.sum(), scaled.sum()});
}

Tensor ForecastErrors::sums(const Tensor& values_TBK, const Tensor& future_HBK,
                            const std::vector<Tensor>& forecasts_HBK,
                            const std::vector<Tensor>& quantiles_HBK,
                            const std::vector<double>& probabilities) const {
  const Tensor scale_BK = seasonal_differences(values_TBK, season_);
  const Tensor own =
      future_HBK * gain_K_.to(future_HBK.device()) + offset_K_.to(future_HBK.device());
  const auto points = static_cast<double>(future_HBK.numel());
  const auto horizon = static_cast<double>(future_HBK.size(0));
  Tensor loss = number(0, future_HBK), covered = loss, width = loss;
  for (size_t i = 0; i < quantiles_HBK.size(); ++i) {
    loss = loss + pinball_loss(quantiles_HBK[i], future_HBK, probabilities[i]);
  }
  if (!quantiles_HBK.empty()) {
    const Tensor &low = quantiles_HBK.front(), &high = quantiles_HBK.back();
    covered = (low.le(future_HBK) & future_HBK.le(high)).sum().to(torch::kFloat32);
    width = (high - low).sum();
  }
  std::vector<Tensor> parts = {
      torch::stack({number(points, future_HBK), scale_BK.gt(0).sum().to(torch::kFloat32) * horizon,
                    number(points / horizon, future_HBK), last_step(own).sum(),
                    last_step(own).square().sum(), loss, covered, width})};
  for (const Tensor& forecast : forecasts_HBK) {
    parts.push_back(errors_of(forecast, future_HBK, scale_BK));
  }
  return torch::cat(parts);
}

void ForecastErrors::add_metrics(const double* sums, bool has_quantiles, Metrics& metrics) const {
  const double points = sums[0], scaled_points = sums[1], last_points = sums[2];
  const double* errors = sums + kNumCommon;
  for (const std::string& name : names_) {
    const auto add = [&](const char* what, double value) {
      metrics.emplace_back(name + what, value);
    };
    add("mse", errors[0] / points);
    add("mae", errors[1] / points);
    add("rse", relative_error(errors[2], last_points, sums[3], sums[4]));
    add("smape", errors[3] / points);
    add("mase", errors[4] / (scaled_points > 0 ? scaled_points : NAN));
    errors += kNumErrors;
    if (!name.empty() || !has_quantiles) continue;
    add("pinball", sums[5] / points);
    add("coverage", sums[6] / points);
    add("width", sums[7] / points);
  }
}

}  // namespace lockstep
