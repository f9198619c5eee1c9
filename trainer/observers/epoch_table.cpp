#include "trainer/observers/epoch_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

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
