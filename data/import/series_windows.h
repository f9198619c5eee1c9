// Features of a series, row by row, and the windows that are cut from them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "data/import/number_table.h"
#include "data/manifest.h"

namespace lockstep {

/// Rows [begin, end) of a split.
struct RowRange {
  size_t begin = 0;
  size_t end = 0;
};

/// The features of every row as a data set stores them.
struct SeriesFeatures {
  int64_t width = 0;
  std::vector<float> values;  ///< rows x width
  FeatureScaling scaling;
};

/// What SeriesFeatures are made of.
struct SeriesOptions {
  SeriesInfo info;
  bool standardise = true;
  RowRange training;  ///< the only rows that means and deviations are taken from
};

/// The inputs. For each column its value, standardised; then, with "mask", for each column 1 where
/// it is present and else 0, and for each column the rows since it was present, at most `history`,
/// as a part of `history`; last sine and cosine of each calendar feature. Missing values are 0
/// with "mask" (the mean, when standardised), and the value before with "forward", or 0.
SeriesFeatures input_features(const NumberTable& table, const SeriesOptions& options);
/// The same of a table whose columns are scaled as another one's were.
SeriesFeatures scaled_input_features(const NumberTable& table, const SeriesInfo& info,
                                     const FeatureScaling& column_scales);

/// The targets: the columns with these indices, standardised; NaN where one is missing.
SeriesFeatures target_features(const NumberTable& table, const std::vector<size_t>& columns,
                               const SeriesOptions& options);

/// Sine and cosine of each calendar feature; the table must have dates.
SeriesFeatures calendar_columns(const NumberTable& table, const std::vector<std::string>& calendar);

/// The first future row of each window of a split, `stride` rows apart: futures lie inside of the
/// split, histories may reach into the rows before it, nothing reaches into later ones.
std::vector<size_t> window_starts(const RowRange& split, const SeriesInfo& info, int64_t stride);

}  // namespace lockstep
