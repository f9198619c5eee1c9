// What a forecaster knows of the series it was trained on.
#pragma once

#include "trainer/model/libtorch.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/manifest.h"

namespace lockstep {

/// Shapes: T history, B batch, C columns, K targets, H horizon.
struct SeriesShape {
  std::vector<std::string> columns;     ///< [C] of the table
  std::vector<double> mean, deviation;  ///< [C] that values were standardised with
  std::vector<int64_t> targets;         ///< [K] columns that are forecast
  std::vector<std::string> calendar;    ///< features of the date
  bool masked = false;                  ///< inputs tell which values are missing
  int64_t history = 0;
  int64_t horizon = 0;

  int64_t num_columns() const { return static_cast<int64_t>(columns.size()); }
  int64_t num_targets() const { return static_cast<int64_t>(targets.size()); }
  int64_t num_calendar() const { return 2 * static_cast<int64_t>(calendar.size()); }
  int64_t num_features() const { return (masked ? 3 : 1) * num_columns() + num_calendar(); }

  /// From inputs [T, B, F]: values of all columns [T, B, C], missing ones as the last one before.
  torch::Tensor values(const torch::Tensor& inputs_TBF) const;
  /// Columns of a [.., C] tensor that are forecast, [.., K].
  torch::Tensor of_targets(const torch::Tensor& columns_C) const;
  /// Means and deviations of the targets, [K], float32.
  torch::Tensor target_mean() const;
  torch::Tensor target_deviation() const;
};

/// Throws Error(config) when the data set was not made by `lockstep data import series`.
nlohmann::json describe_series(const Manifest& manifest);
SeriesShape series_shape_of(const nlohmann::json& description);

}  // namespace lockstep
