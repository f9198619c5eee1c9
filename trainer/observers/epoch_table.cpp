#include "trainer/observers/epoch_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "trainer/observers/number_text.h"

namespace lockstep {
namespace {

/// Calls `visit(column, metric, value)` for each figure of an epoch.
template <class Visit>
void for_each_figure(const EpochReport& epoch, Visit visit) {
  for (const auto& [name, value] : epoch.train) visit("train " + name, name, value);
  for (const EvaluationReport& evaluation : epoch.evaluations) {
    for (const auto& [name, value] : evaluation.metrics) {
      visit(evaluation.split + " " + name, name, value);
    }
  }
}

}  // namespace

std::vector<std::string> epoch_columns(const std::vector<EpochReport>& epochs) {
  std::vector<std::string> columns = {"epoch"};
  for (const EpochReport& epoch : epochs) {
    for_each_figure(epoch, [&](const std::string& column, const std::string&, double) {
      const bool known = std::find(columns.begin(), columns.end(), column) != columns.end();
      if (!known) columns.push_back(column);
    });
  }
  columns.insert(columns.end(), {"seconds", "samples/s"});
  return columns;
}

std::vector<std::string> columns_that_fit(const std::vector<EpochReport>& epochs, size_t width) {
  constexpr size_t kGap = 2, kUsualCell = 9;
  const std::vector<std::string> columns = epoch_columns(epochs);
  const auto width_of = [&](const std::string& column) {
    return std::max(column.size(), kUsualCell) + kGap;
  };
  std::vector<std::pair<size_t, size_t>> places;  // among its split's, among all
  std::map<std::string, size_t> seen;
  size_t used = 0;
  for (size_t i = 0; i < columns.size(); ++i) {
    const size_t end_of_split = columns[i].find(' ');
    if (end_of_split == std::string::npos) {
      used += width_of(columns[i]);  // the epoch and its time
    } else {
      places.emplace_back(seen[columns[i].substr(0, end_of_split)]++, i);
    }
  }
  std::sort(places.begin(), places.end());
  std::vector<bool> shown(columns.size());
  for (const auto& [rank, i] : places) {
    used += width_of(columns[i]);
    if (used > width) break;
    shown[i] = true;
  }
  std::vector<std::string> fitting;
  for (size_t i = 0; i < columns.size(); ++i) {
    const bool always = columns[i].find(' ') == std::string::npos;
    if (always || shown[i]) fitting.push_back(columns[i]);
  }
  return fitting;
}

std::vector<std::string> epoch_cells(const EpochReport& epoch,
                                     const std::vector<std::string>& columns) {
  std::map<std::string, std::string> figures;
  for_each_figure(epoch, [&](const std::string& column, const std::string& name, double value) {
    figures[column] = metric_text(name, value);
  });
  figures["epoch"] = std::to_string(epoch.epoch);
  if (epoch.seconds > 0) {
    figures["seconds"] = fmt::format("{:.2f}", epoch.seconds);
    figures["samples/s"] = rate_text(static_cast<double>(epoch.samples) / epoch.seconds);
  }
  std::vector<std::string> cells;
  for (const std::string& column : columns) {
    const auto figure = figures.find(column);
    cells.push_back(figure == figures.end() ? "-" : figure->second);
  }
  return cells;
}

}  // namespace lockstep
