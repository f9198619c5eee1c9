#include "trainer/tasks/forecast_floors.h"

#include <algorithm>
#include <cmath>

#include "data/base/error.h"

namespace lockstep {

using torch::Tensor;

namespace {

constexpr int64_t kWindowsAtOnce = 512;

/// [T, B, K] -> differences of the `lags` steps before the last one from it, [K, B, lags].
Tensor differences(const Tensor& values_TBK, int64_t lags) {
  const int64_t time = values_TBK.size(0);
  const Tensor before = values_TBK.narrow(0, time - 1 - lags, lags);
  return (before - values_TBK.narrow(0, time - 1, 1)).permute({2, 1, 0});
}

/// Windows begin, begin + stride, ... before end of one stream of numbers, [steps, windows,
/// features].
Tensor read_windows(const Split& split, size_t stream, int64_t begin, int64_t end, int64_t steps,
                    int64_t stride = 1) {
  const int64_t features = split.streams().at(stream).features;
  const Tensor windows = torch::empty({(end - begin + stride - 1) / stride, steps, features});
  for (int64_t id = begin; id < end; id += stride) {
    if (split.length(id, stream) != steps) {
      throw Error(ExitCode::corrupt, fmt::format("window {} of split {} has {} steps, not {}", id,
                                                 split.name(), split.length(id, stream), steps));
    }
    const std::vector<float> numbers = split.numbers(id, stream);
    std::copy(numbers.begin(), numbers.end(), windows[(id - begin) / stride].data_ptr<float>());
  }
  return windows.transpose(0, 1);
}

}  // namespace

Tensor persistence_forecast(const Tensor& values_TBK, int64_t horizon) {
  return values_TBK.narrow(0, values_TBK.size(0) - 1, 1).expand({horizon, -1, -1});
}

Tensor seasonal_forecast(const Tensor& values_TBK, int64_t horizon, int64_t season) {
  const Tensor ahead = torch::arange(horizon, torch::kInt64).remainder(season);
  const Tensor index = ahead + (values_TBK.size(0) - season);
  return values_TBK.index_select(0, index.to(values_TBK.device()));
}

Tensor harmonics_of(const Tensor& calendar_BG, int64_t count) {
  const Tensor pairs = calendar_BG.view({calendar_BG.size(0), -1, 2});
  const Tensor sine = pairs.select(2, 0), cosine = pairs.select(2, 1);
  Tensor s = sine, c = cosine;
  std::vector<Tensor> all;
  for (int64_t i = 0; i < count; ++i) {
    all.insert(all.end(), {s, c});
    const Tensor next = s * cosine + c * sine;
    c = c * cosine - s * sine;
    s = next;
  }
  return torch::cat(all, 1);
}

/// [K, B, L]
Tensor RidgeForecast::features(const Tensor& values_TBK, const Tensor& known_HBG) const {
  const Tensor lags_KBL = differences(values_TBK, lags);
  if (harmonics == 0) return lags_KBL;
  const Tensor waves = harmonics_of(known_HBG[0].contiguous(), harmonics);
  return torch::cat({lags_KBL, waves.unsqueeze(0).expand({lags_KBL.size(0), -1, -1})}, 2);
}

Tensor RidgeForecast::forecast(const Tensor& values_TBK, const Tensor& known_HBG) const {
  const Tensor change_KBH =
      torch::baddbmm(bias_KH.unsqueeze(1), features(values_TBK, known_HBG), weight_KLH);
  return change_KBH.permute({2, 1, 0}) + values_TBK.narrow(0, values_TBK.size(0) - 1, 1);
}

void RidgeForecast::fit(const Split& train, const SeriesShape& shape, double penalty) {
  torch::NoGradGuard no_grad;
  const int64_t targets = shape.num_targets(), count = weight_KLH.size(1), width = count + 1;
  const auto options = torch::TensorOptions(torch::kFloat64);
  Tensor squares = torch::zeros({targets, width, width}, options);
  Tensor products = torch::zeros({targets, width, shape.horizon}, options);
  for (int64_t begin = 0; begin < train.size(); begin += kWindowsAtOnce) {
    const int64_t end = std::min(begin + kWindowsAtOnce, train.size());
    const auto read = [&](size_t stream, int64_t steps) {  // inputs, future, known
      return read_windows(train, stream, begin, end, steps).to(torch::kFloat64);
    };
    const Tensor values_TBK = shape.of_targets(shape.values(read(0, shape.history)));
    const Tensor known_HBG = harmonics > 0 ? read(2, shape.horizon) : Tensor();
    const Tensor change_KBH =
        (read(1, shape.horizon) - values_TBK.narrow(0, shape.history - 1, 1)).permute({2, 1, 0});
    const Tensor x_KBL = torch::cat(
        {features(values_TBK, known_HBG), torch::ones({targets, end - begin, 1}, options)}, 2);
    squares.baddbmm_(x_KBL.transpose(1, 2), x_KBL);
    products.baddbmm_(x_KBL.transpose(1, 2), change_KBH);
  }
  const double each = penalty * static_cast<double>(train.size());
  const Tensor penalties = torch::full({width}, each, options);  // of the bias too
  const Tensor solution_KLH = at::linalg_solve(squares + torch::diag(penalties), products);
  weight_KLH.copy_(solution_KLH.narrow(1, 0, count));
  bias_KH.copy_(solution_KLH.select(1, count));
}

Tensor residual_quantiles(const RidgeForecast& ridge, const Split& train, const SeriesShape& shape,
                          const std::vector<double>& probabilities) {
  constexpr int64_t kMost = 4096;
  torch::NoGradGuard no_grad;
  const int64_t stride = (train.size() + kMost - 1) / kMost;
  const auto read = [&](size_t stream, int64_t steps) {
    return read_windows(train, stream, 0, train.size(), steps, stride);
  };
  const Tensor values_TBK = shape.of_targets(shape.values(read(0, shape.history)));
  const Tensor known_HBG = ridge.harmonics > 0 ? read(2, shape.horizon) : Tensor();
  const Tensor residual_HBK = read(1, shape.horizon) - ridge.forecast(values_TBK, known_HBG);
  const int64_t count = residual_HBK.size(1);
  std::vector<Tensor> quantiles;
  for (const double probability : probabilities) {
    const auto nearest = static_cast<int64_t>(std::ceil(probability * static_cast<double>(count)));
    const int64_t place = std::clamp<int64_t>(nearest, 1, count);
    quantiles.push_back(std::get<0>(residual_HBK.kthvalue(place, 1)).t());
  }
  return torch::stack(quantiles);
}

}  // namespace lockstep
