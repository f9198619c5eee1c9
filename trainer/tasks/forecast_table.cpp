#include "trainer/tasks/forecast_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ostream>

#include "data/base/error.h"
#include "data/import/csv_reader.h"
#include "data/import/date_time.h"
#include "data/import/series_windows.h"

namespace lockstep {

using torch::Tensor;

namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Whether the first row names the columns: it does unless the model knows them by numbers.
bool has_header(const std::filesystem::path& file, const std::vector<std::string>& first,
                const SeriesShape& shape) {
  std::vector<std::string> missing;
  for (const std::string& name : shape.columns) {
    if (!contains(first, name)) missing.push_back(name);
  }
  if (missing.empty()) return true;
  const bool by_number = shape.columns.front().find_first_not_of("0123456789") == std::string::npos;
  if (by_number && missing.size() == shape.columns.size()) return false;
  throw Error(ExitCode::usage,
              fmt::format("{}: has no column \"{}\"", file.string(), missing.front()),
              fmt::format("the model was trained on {}", fmt::join(shape.columns, ", ")));
}

/// What the first rows of a table tell of its columns.
NumberTableColumns find_table_columns(const std::filesystem::path& file, const SeriesShape& shape) {
  CsvReader reader(file);
  std::vector<std::string> first, second;
  reader.next(first);
  NumberTableColumns columns;
  columns.numbers = shape.columns;
  columns.header = has_header(file, first, shape);
  if (!columns.header || !reader.next(second)) second = first;
  for (size_t i = 0; i < first.size() && i < second.size() && columns.date.empty(); ++i) {
    const std::string name = columns.header ? first[i] : std::to_string(i + 1);
    if (!contains(shape.columns, name) && read_time(second[i])) columns.date = name;
  }
  if (columns.date.empty() && !shape.calendar.empty()) {
    throw Error(ExitCode::usage, fmt::format("{}: has no column of dates", file.string()),
                "the model was trained with features of the date");
  }
  return columns;
}

std::vector<int64_t> times_ahead(const std::vector<int64_t>& times, int64_t horizon) {
  if (times.size() < 2) return {};
  const int64_t step = times.back() - times[times.size() - 2];
  std::vector<int64_t> ahead;
  for (int64_t h = 1; h <= horizon; ++h) ahead.push_back(times.back() + h * step);
  return ahead;
}

/// RFC 4180.
std::string quoted_if_needed(const std::string& name) {
  if (name.find_first_of(",\"\r\n") == std::string::npos) return name;
  std::string quoted = "\"";
  for (const char letter : name) quoted += letter == '"' ? "\"\"" : std::string(1, letter);
  return quoted + "\"";
}

Tensor last_inputs(const NumberTable& table, const SeriesShape& shape) {
  SeriesInfo info;
  info.history = shape.history;
  info.horizon = shape.horizon;
  info.missing = shape.masked ? "mask" : "forward";
  info.calendar = shape.calendar;
  SeriesFeatures features =
      scaled_input_features(table, info, {shape.columns, shape.mean, shape.deviation});
  const auto rows = static_cast<int64_t>(table.rows());
  return torch::from_blob(features.values.data(), {rows, 1, features.width})
      .narrow(0, rows - shape.history, shape.history)
      .clone();
}

}  // namespace

TableWindow read_last_window(const std::filesystem::path& file, const SeriesShape& shape) {
  const NumberTableColumns columns = find_table_columns(file, shape);
  NumberTable table = read_number_table(file, columns);
  if (static_cast<int64_t>(table.rows()) <
      std::max<int64_t>(shape.history, columns.date.empty() ? 1 : 2)) {
    throw Error(ExitCode::corrupt, fmt::format("{}: holds {} rows; a forecast is made from {}",
                                               file.string(), table.rows(), shape.history));
  }
  TableWindow window;
  window.inputs_T1F = last_inputs(table, shape);
  window.date_column = columns.date;
  window.times = times_ahead(table.times, shape.horizon);
  if (!shape.calendar.empty()) {
    NumberTable ahead;
    ahead.times = window.times;
    SeriesFeatures known = calendar_columns(ahead, shape.calendar);
    window.known_H1G =
        torch::from_blob(known.values.data(), {shape.horizon, 1, known.width}).clone();
  }
  return window;
}

void write_forecast(const TableWindow& window, const ForecastColumns& columns,
                    const SeriesShape& shape, std::ostream& out) {
  const bool dated = !window.times.empty();
  std::string separator;
  const auto cell = [&](const std::string& text) {
    out << separator << text;
    separator = ",";
  };
  const auto end_row = [&] {
    out << '\n';
    separator.clear();
  };
  if (dated) cell(quoted_if_needed(window.date_column));
  for (const auto& [suffix, values] : columns.parts()) {
    for (const int64_t target : shape.targets) {
      cell(quoted_if_needed(shape.columns[static_cast<size_t>(target)] + suffix));
    }
  }
  end_row();
  for (int64_t h = 0; h < shape.horizon; ++h) {
    if (dated) cell(date_text(window.times[static_cast<size_t>(h)]));
    for (const auto& [suffix, values] : columns.parts()) {
      const float* row = values.const_data_ptr<float>() + h * shape.num_targets();
      for (int64_t k = 0; k < shape.num_targets(); ++k) cell(fmt::format("{:.7g}", row[k]));
    }
    end_row();
  }
}

}  // namespace lockstep
