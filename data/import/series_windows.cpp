#include "data/import/series_windows.h"

#include <algorithm>
#include <cmath>

#include "data/base/error.h"
#include "data/feature_moments.h"
#include "data/import/date_time.h"

namespace lockstep {
namespace {

/// Mean and deviation of the present values of the training rows; 0 and 1 without standardising.
FeatureScaling column_scaling(const NumberTable& table, const SeriesOptions& options) {
  FeatureMoments moments(static_cast<int64_t>(table.names.size()));
  for (size_t row = options.training.begin; row < options.training.end; ++row) {
    for (size_t column = 0; column < table.names.size(); ++column) {
      const double value = table.at(row, column);
      if (!std::isnan(value)) moments.add(column, value);
    }
  }
  FeatureScaling scaling = moments.scaling();
  scaling.names = table.names;
  if (!options.standardise) {
    scaling.mean.assign(table.names.size(), 0.0);
    scaling.deviation.assign(table.names.size(), 1.0);
  }
  return scaling;
}

/// A feature that is stored as it is.
void add_plain(FeatureScaling& scaling, const std::string& name) {
  scaling.names.push_back(name);
  scaling.mean.push_back(0);
  scaling.deviation.push_back(1);
}

/// Rows since each column was present.
class SinceLast {
 public:
  SinceLast(size_t columns, int64_t history) : rows_(columns, history), history_(history) {}

  void step(size_t column, bool present) {
    rows_[column] = present ? 0 : std::min(history_, rows_[column] + 1);
  }
  float share(size_t column) const {
    return static_cast<float>(rows_[column]) / static_cast<float>(history_);
  }

 private:
  std::vector<int64_t> rows_;
  int64_t history_;
};

void append_row(SeriesFeatures& features, const SeriesFeatures& source, size_t row) {
  const auto width = static_cast<size_t>(source.width);
  const auto begin = source.values.begin() + static_cast<std::ptrdiff_t>(row * width);
  features.values.insert(features.values.end(), begin, begin + source.width);
}

}  // namespace

SeriesFeatures calendar_columns(const NumberTable& table,
                                const std::vector<std::string>& calendar) {
  SeriesFeatures features;
  for (const std::string& name : calendar) {
    add_plain(features.scaling, name + ":sin");
    add_plain(features.scaling, name + ":cos");
  }
  features.width = static_cast<int64_t>(features.scaling.names.size());
  if (calendar.empty()) return features;
  for (const int64_t time : table.times) {
    for (const std::string& name : calendar) {
      for (const float value : calendar_values(name, time)) features.values.push_back(value);
    }
  }
  return features;
}

SeriesFeatures input_features(const NumberTable& table, const SeriesOptions& options) {
  return scaled_input_features(table, options.info, column_scaling(table, options));
}

SeriesFeatures scaled_input_features(const NumberTable& table, const SeriesInfo& info,
                                     const FeatureScaling& column_scales) {
  const bool masked = info.missing == "mask";
  const size_t columns = table.names.size();
  const SeriesFeatures calendar = calendar_columns(table, info.calendar);
  SeriesFeatures features;
  FeatureScaling& scaling = features.scaling = column_scales;
  if (masked) {
    for (const std::string& name : table.names) add_plain(scaling, name + ":present");
    for (const std::string& name : table.names) add_plain(scaling, name + ":since");
  }
  for (const std::string& name : calendar.scaling.names) add_plain(scaling, name);
  features.width = static_cast<int64_t>(scaling.names.size());
  SinceLast since(columns, info.history);
  std::vector<float> current(columns);  // the mean until a value comes
  for (size_t row = 0; row < table.rows(); ++row) {
    for (size_t column = 0; column < columns; ++column) {
      const double value = table.at(row, column);
      const bool present = !std::isnan(value);
      since.step(column, present);
      if (present) {
        current[column] =
            static_cast<float>((value - scaling.mean[column]) / scaling.deviation[column]);
      } else if (masked) {
        current[column] = 0;
      }
      features.values.push_back(current[column]);
    }
    for (size_t column = 0; masked && column < columns; ++column) {
      features.values.push_back(std::isnan(table.at(row, column)) ? 0.0F : 1.0F);
    }
    for (size_t column = 0; masked && column < columns; ++column) {
      features.values.push_back(since.share(column));
    }
    append_row(features, calendar, row);
  }
  return features;
}

SeriesFeatures target_features(const NumberTable& table, const std::vector<size_t>& columns,
                               const SeriesOptions& options) {
  const FeatureScaling all = column_scaling(table, options);
  SeriesFeatures features;
  features.width = static_cast<int64_t>(columns.size());
  for (const size_t column : columns) {
    features.scaling.names.push_back(all.names[column]);
    features.scaling.mean.push_back(all.mean[column]);
    features.scaling.deviation.push_back(all.deviation[column]);
  }
  for (size_t row = 0; row < table.rows(); ++row) {
    for (const size_t column : columns) {
      features.values.push_back(
          static_cast<float>((table.at(row, column) - all.mean[column]) / all.deviation[column]));
    }
  }
  return features;
}

std::vector<size_t> window_starts(const RowRange& split, const SeriesInfo& info, int64_t stride) {
  std::vector<size_t> starts;
  const auto horizon = static_cast<size_t>(info.horizon);
  const size_t first = std::max(split.begin, static_cast<size_t>(info.history));
  for (size_t start = first; start + horizon <= split.end; start += static_cast<size_t>(stride)) {
    starts.push_back(start);
  }
  return starts;
}

}  // namespace lockstep
