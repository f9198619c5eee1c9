#include "trainer/observers/metrics_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/base/atomic_file.h"

namespace lockstep {
namespace {

/// RFC 4180: quotes around what holds a separator, quotes in it doubled.
std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char letter : text) quoted += letter == '"' ? "\"\"" : std::string(1, letter);
  return quoted + "\"";
}

std::string csv_header(const std::vector<std::string>& columns) {
  std::string line = "step,epoch,split";
  for (const std::string& column : columns) line += "," + csv_cell(column);
  return line + "\n";
}

std::string csv_line(const MetricsRow& row, const std::vector<std::string>& columns) {
  std::string line = fmt::format("{},{},{}", row.step, row.epoch, csv_cell(row.split));
  for (const std::string& column : columns) {
    const double* value = row.find(column);
    line += value != nullptr && std::isfinite(*value) ? fmt::format(",{}", *value) : ",";
  }
  return line + "\n";
}

/// Adds the names in `row` that `columns` lacks; tells whether there were any.
bool extend(std::vector<std::string>& columns, const MetricsRow& row) {
  const size_t before = columns.size();
  for (const auto& [name, value] : row.values) {
    if (std::find(columns.begin(), columns.end(), name) == columns.end()) columns.push_back(name);
  }
  return columns.size() > before;
}

}  // namespace

MetricsFiles::MetricsFiles(std::filesystem::path run_dir)
    : jsonl_path_(run_dir / "metrics.jsonl"), csv_path_(run_dir / "metrics.csv") {}

void MetricsFiles::on_start(const RunInfo& info) {
  rows_ = read_metrics(jsonl_path_, info.start_step);
  std::string text;
  for (const MetricsRow& row : rows_) {
    text += to_json_line(row) + "\n";
    extend(columns_, row);
    written_.emplace(row.split, row.step);
  }
  write_file_atomically(jsonl_path_, text);
  jsonl_ = std::make_unique<AppendFile>(jsonl_path_);
  rewrite_csv();
}

void MetricsFiles::rewrite_csv() {
  std::string text = csv_header(columns_);
  for (const MetricsRow& row : rows_) text += csv_line(row, columns_);
  csv_.reset();
  write_file_atomically(csv_path_, text);
  csv_ = std::make_unique<AppendFile>(csv_path_);
}

void MetricsFiles::add(MetricsRow row) {
  if (!jsonl_ || !written_.emplace(row.split, row.step).second) return;
  jsonl_->append(to_json_line(row) + "\n");
  rows_.push_back(std::move(row));
  // A split with a new metric comes a few times at the most: then the table gets a column.
  if (extend(columns_, rows_.back())) {
    rewrite_csv();
  } else {
    csv_->append(csv_line(rows_.back(), columns_));
  }
}

void MetricsFiles::on_interval(const IntervalReport& report) {
  add(row_of(report));
}

void MetricsFiles::on_evaluation(const EvaluationReport& report) {
  add(row_of(report));
}

void MetricsFiles::on_epoch(const EpochReport& report) {
  add(row_of(report));
  for (const EvaluationReport& evaluation : report.evaluations) add(row_of(evaluation));
}

}  // namespace lockstep
