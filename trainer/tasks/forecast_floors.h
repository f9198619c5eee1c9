// Forecasts that need no network: what a forecaster is measured against.
#pragma once

#include "trainer/model/libtorch.h"

#include <cstdint>
#include <vector>

#include "data/dataset.h"
#include "trainer/tasks/series_shape.h"

namespace lockstep {

// Shapes: T history, B batch, K targets, H horizon. All take the targets' own values, [T, B, K],
// and give [H, B, K].

/// The last value for ever.
torch::Tensor persistence_forecast(const torch::Tensor& values_TBK, int64_t horizon);
/// The last season again and again.
torch::Tensor seasonal_forecast(const torch::Tensor& values_TBK, int64_t horizon, int64_t season);

/// Sines and cosines of 1, 2, ... `count` times the angles whose sines and cosines are in
/// calendar [B, G]: [B, count * G].
torch::Tensor harmonics_of(const torch::Tensor& calendar_BG, int64_t count);

/// For each target and step ahead a linear function of the target's own last values and of the
/// calendar of the first step ahead: the last value plus weighted differences of those before from
/// it, and weighted harmonics.
struct RidgeForecast {
  int64_t lags = 0;          ///< differences; may be 0
  int64_t harmonics = 0;     ///< of each calendar feature; 0: the calendar is not looked at
  torch::Tensor weight_KLH;  ///< L: the differences, the oldest first, then the harmonics
  torch::Tensor bias_KH;

  /// `known_HBG` may be undefined when there is no calendar.
  torch::Tensor forecast(const torch::Tensor& values_TBK, const torch::Tensor& known_HBG) const;
  /// Least squares on the windows of a split, in closed form, with `penalty` times their number on
  /// squared weights (Hoerl & Kennard 1970). Fills the tensors in place. Throws Error(corrupt) when
  /// a window is not of the shape's size.
  void fit(const Split& train, const SeriesShape& shape, double penalty);

 private:
  torch::Tensor features(const torch::Tensor& values_TBK, const torch::Tensor& known_HBG) const;
};

/// Quantiles of the training windows' values less the forecast, [Q, K, H]; of at most 4,096 windows
/// evenly apart.
torch::Tensor residual_quantiles(const RidgeForecast& ridge, const Split& train,
                                 const SeriesShape& shape,
                                 const std::vector<double>& probabilities);

}  // namespace lockstep
