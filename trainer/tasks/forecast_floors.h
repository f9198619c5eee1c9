// Forecasts that need no network: what a forecaster is measured against.
#pragma once

#include "trainer/model/libtorch.h"

#include <cstdint>

#include "data/dataset.h"
#include "trainer/tasks/series_shape.h"

namespace lockstep {

// Shapes: T history, B batch, K targets, H horizon. All take the targets' own values, [T, B, K],
// and give [H, B, K].

/// The last value for ever.
torch::Tensor persistence_forecast(const torch::Tensor& values_TBK, int64_t horizon);
/// The last season again and again.
torch::Tensor seasonal_forecast(const torch::Tensor& values_TBK, int64_t horizon, int64_t season);

/// For each target and step ahead a linear function of the target's own last values: the last one
/// plus weighted differences of those before from it.
struct RidgeForecast {
  torch::Tensor weight_KLH;  ///< L differences, the oldest first; L may be 0
  torch::Tensor bias_KH;

  torch::Tensor forecast(const torch::Tensor& values_TBK) const;
  /// Least squares on the windows of a split, in closed form, with `penalty` times their number on
  /// squared weights (Hoerl & Kennard 1970). Fills the tensors in place. Throws Error(corrupt) when
  /// a window is not of the shape's size.
  void fit(const Split& train, const SeriesShape& shape, double penalty);
};

}  // namespace lockstep
