#include "trainer/tasks/forecast_floors.h"

#include <algorithm>

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

/// Windows [begin, end) of one stream of numbers, [steps, windows, features].
Tensor read_windows(const Split& split, size_t stream, int64_t begin, int64_t end, int64_t steps) {
  const int64_t features = split.streams()[stream].features;
  const Tensor windows = torch::empty({end - begin, steps, features});
  for (int64_t id = begin; id < end; ++id) {
    if (split.length(id, stream) != steps) {
      throw Error(ExitCode::corrupt, fmt::format("window {} of split {} has {} steps, not {}", id,
                                                 split.name(), split.length(id, stream), steps));
    }
    split.read(id, stream, windows[id - begin].data_ptr<float>());
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

Tensor RidgeForecast::forecast(const Tensor& values_TBK) const {
  const Tensor lags_KBL = differences(values_TBK, weight_KLH.size(1));
  const Tensor change_KBH = torch::baddbmm(bias_KH.unsqueeze(1), lags_KBL, weight_KLH);
  return change_KBH.permute({2, 1, 0}) + values_TBK.narrow(0, values_TBK.size(0) - 1, 1);
}

void RidgeForecast::fit(const Split& train, const SeriesShape& shape, double penalty) {
  torch::NoGradGuard no_grad;
  for (const size_t stream : {size_t{0}, size_t{1}}) {
    const StreamSchema& schema = train.streams().at(stream);
    LOCKSTEP_CHECK(schema.element == ElementType::f32, "{} is not float32", schema.name);
  }
  const int64_t targets = shape.num_targets(), lags = weight_KLH.size(1), width = lags + 1;
  const auto options = torch::TensorOptions(torch::kFloat64);
  Tensor squares = torch::zeros({targets, width, width}, options);
  Tensor products = torch::zeros({targets, width, shape.horizon}, options);
  for (int64_t begin = 0; begin < train.size(); begin += kWindowsAtOnce) {
    const int64_t end = std::min(begin + kWindowsAtOnce, train.size());
    const Tensor values_TBK = shape.of_targets(
        shape.values(read_windows(train, 0, begin, end, shape.history)).to(torch::kFloat64));
    const Tensor future_HBK = read_windows(train, 1, begin, end, shape.horizon).to(torch::kFloat64);
    const Tensor change_KBH =
        (future_HBK - values_TBK.narrow(0, shape.history - 1, 1)).permute({2, 1, 0});
    const Tensor x_KBL = torch::cat(
        {differences(values_TBK, lags), torch::ones({targets, end - begin, 1}, options)}, 2);
    squares.baddbmm_(x_KBL.transpose(1, 2), x_KBL);
    products.baddbmm_(x_KBL.transpose(1, 2), change_KBH);
  }
  const double each = penalty * static_cast<double>(train.size());
  const Tensor penalties = torch::full({width}, each, options);
  penalties[lags].zero_();  // the bias is free
  const Tensor solution_KLH = at::linalg_solve(squares + torch::diag(penalties), products);
  weight_KLH.copy_(solution_KLH.narrow(1, 0, lags));
  bias_KH.copy_(solution_KLH.select(1, lags));
}

}  // namespace lockstep
