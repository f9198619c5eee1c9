#include "trainer/observers/metrics_row.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "data/base/atomic_file.h"
#include "data/base/error.h"

namespace lockstep {
namespace {

using OrderedJson = nlohmann::ordered_json;
constexpr std::array kBookkeeping = {"learning_rate", "gradient_norm", "gradient_noise_scale",
                                     "samples_per_second", "seconds"};
/// So long a line was not written by us; parsing it would only cost memory.
constexpr size_t kMaxLineBytes = 1 << 20;

void add_pace(MetricsRow& row, int64_t samples, double seconds) {
  if (seconds > 0)
    row.values.emplace_back("samples_per_second", static_cast<double>(samples) / seconds);
  row.values.emplace_back("seconds", seconds);
}

/// Throws what nlohmann throws when a field is missing or of another type.
MetricsRow from_json(const OrderedJson& json) {
  MetricsRow row{.step = json.at("step").get<int64_t>(),
                 .epoch = json.at("epoch").get<int64_t>(),
                 .split = json.at("split").get<std::string>(),
                 .values = {}};
  for (const auto& [name, value] : json.items()) {
    if (name == "step" || name == "epoch" || name == "split") continue;
    row.values.emplace_back(
        name, value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>());
  }
  return row;
}

}  // namespace

const double* MetricsRow::find(std::string_view name) const {
  const auto at = std::find_if(values.begin(), values.end(),
                               [&](const auto& one) { return one.first == name; });
  return at == values.end() ? nullptr : &at->second;
}

bool is_bookkeeping(std::string_view name) {
  return std::find(kBookkeeping.begin(), kBookkeeping.end(), name) != kBookkeeping.end();
}

MetricsRow row_of(const IntervalReport& report) {
  MetricsRow row{report.step, report.epoch, "train", report.metrics};
  row.values.emplace_back("learning_rate", report.learning_rate);
  row.values.emplace_back("gradient_norm", report.gradient_norm);
  if (report.noise_scale) row.values.emplace_back("gradient_noise_scale", *report.noise_scale);
  add_pace(row, report.samples, report.seconds);
  return row;
}

MetricsRow row_of(const EvaluationReport& report) {
  MetricsRow row{report.step, report.epoch, report.split, report.metrics};
  add_pace(row, report.samples, report.seconds);
  return row;
}

MetricsRow row_of(const EpochReport& report) {
  MetricsRow row{report.step, report.epoch, kTrainEpoch, report.train};
  add_pace(row, report.samples, report.seconds);
  return row;
}

std::string to_json_line(const MetricsRow& row) {
  OrderedJson json = {{"step", row.step}, {"epoch", row.epoch}, {"split", row.split}};
  for (const auto& [name, value] : row.values) {
    json[name] = std::isfinite(value) ? OrderedJson(value) : OrderedJson();
  }
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

std::optional<MetricsRow> from_json_line(std::string_view line) {
  if (line.size() > kMaxLineBytes) return std::nullopt;
  try {
    return from_json(OrderedJson::parse(line));
  } catch (const OrderedJson::exception&) {
    return std::nullopt;
  }
}

std::vector<MetricsRow> read_metrics(const std::filesystem::path& path, int64_t last_step) {
  std::vector<MetricsRow> rows;
  std::error_code ignored;
  if (last_step == 0 || !std::filesystem::exists(path, ignored)) return rows;
  const std::string text = read_file(path);
  for (size_t begin = 0, end = 0; (end = text.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    auto row = from_json_line(std::string_view(text).substr(begin, end - begin));
    if (row && row->step <= last_step) rows.push_back(*std::move(row));
  }
  return rows;
}

}  // namespace lockstep
