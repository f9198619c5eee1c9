// Figures of forecasts, from sums that add up exactly.
#pragma once

#include "trainer/model/libtorch.h"

#include <string>
#include <vector>

#include "trainer/observers/observer.h"
#include "trainer/tasks/series_shape.h"

namespace lockstep {

/// Sum of the quantile loss (Koenker & Bassett 1978): p (y - q) above the quantile, (1 - p) (q - y)
/// below it.
torch::Tensor pinball_loss(const torch::Tensor& quantile, const torch::Tensor& future,
                           double probability);

class ForecastErrors {
 public:
  /// `names` of the forecasts, in the order in which sums() gets them: "" of the model, prefixes of
  /// floors.
  ForecastErrors(const SeriesShape& shape, std::vector<std::string> names, int64_t season);

  std::vector<std::string> sum_names() const;
  /// float32 [sum_names().size()] of a batch, all standardised. `quantiles_HBK`: as many as
  /// `probabilities`.
  torch::Tensor sums(const torch::Tensor& values_TBK, const torch::Tensor& future_HBK,
                     const std::vector<torch::Tensor>& forecasts_HBK,
                     const std::vector<torch::Tensor>& quantiles_HBK,
                     const std::vector<double>& probabilities) const;
  /// In standardised units `mse` and `mae`; of the values as they were `rse` (of the last step
  /// ahead: the root of squared errors over squared differences from the mean, of all columns
  /// together; Lai et al. 2018), `smape` (2 |error| / (|value| + |forecast|)), and `mase` (|error|
  /// over the mean seasonal difference in the window's history; Hyndman & Koehler 2006). Then
  /// `pinball`, `coverage` and `width` of the quantiles, when there are any.
  void add_metrics(const double* sums, bool has_quantiles, Metrics& metrics) const;

 private:
  torch::Tensor errors_of(const torch::Tensor& forecast_HBK, const torch::Tensor& future_HBK,
                          const torch::Tensor& scale_BK) const;

  std::vector<std::string> names_;
  int64_t season_;
  torch::Tensor mean_K_, deviation_K_;
  /// Values as they were, less a number and divided by another, the same for all columns: what a
  /// ratio of squares does not see, but float32 does.
  torch::Tensor gain_K_, offset_K_;
};

}  // namespace lockstep
