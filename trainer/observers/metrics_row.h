// One measurement of a run: a line of metrics.jsonl, a row of metrics.csv, a point in a plot.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/observers/observer.h"

namespace lockstep {

/// The split of a row that sums up an epoch of training; "train" is an interval of steps.
inline constexpr const char* kTrainEpoch = "train_epoch";

struct MetricsRow {
  int64_t step = 0;
  int64_t epoch = 0;
  std::string split;
  /// "loss", the task's metrics, then for training "learning_rate" and "gradient_norm", and
  /// "samples_per_second" and "seconds" (how long the interval, epoch or evaluation took).
  Metrics values;

  /// Null when there is no such value.
  const double* find(std::string_view name) const;
};

/// Names in `values` that do not come from the task.
bool is_bookkeeping(std::string_view name);

MetricsRow row_of(const IntervalReport& report);
MetricsRow row_of(const EvaluationReport& report);
MetricsRow row_of(const EpochReport& report);

/// One line of JSON without the newline; what is not finite becomes null.
std::string to_json_line(const MetricsRow& row);

/// Nothing when the line is not one of ours (torn, or from elsewhere). Null reads as NaN.
std::optional<MetricsRow> from_json_line(std::string_view line);

/// What is in metrics.jsonl up to `last_step`: what a run continued there may build on. Empty when
/// there is no such file or `last_step` is 0. Lines that cannot be read are left out.
std::vector<MetricsRow> read_metrics(const std::filesystem::path& path, int64_t last_step);

}  // namespace lockstep
