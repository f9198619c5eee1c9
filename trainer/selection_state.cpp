#include "trainer/selection_state.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

namespace lockstep {

namespace {
using Json = nlohmann::json;
}  // namespace

Json number_to_json(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

double number_from_json(const Json& value) {
  if (value == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (value == "inf") return std::numeric_limits<double>::infinity();
  if (value == "-inf") return -std::numeric_limits<double>::infinity();
  return value.get<double>();
}

namespace {

Json json_of_report(const EvaluationReport& report) {
  Json metrics = Json::array();
  for (const auto& [name, value] : report.metrics) {
    metrics.push_back(Json::array({name, number_to_json(value)}));
  }
  return {{"split", report.split},
          {"step", report.step},
          {"epoch", report.epoch},
          {"samples", report.samples},
          {"metrics", metrics}};
}

EvaluationReport report_from(const Json& object) {
  EvaluationReport report;
  report.split = object.at("split").get<std::string>();
  report.step = object.at("step").get<int64_t>();
  report.epoch = object.at("epoch").get<int64_t>();
  report.samples = object.at("samples").get<int64_t>();
  for (const Json& pair : object.at("metrics")) {
    report.metrics.emplace_back(pair.at(0).get<std::string>(), number_from_json(pair.at(1)));
  }
  return report;
}

}  // namespace

Json json_of(const SelectionState& state) {
  Json best = Json::array();
  for (const EvaluationReport& report : state.best) best.push_back(json_of_report(report));
  return {{"seen", state.seen},
          {"since_best", state.since_best},
          {"rate_factor", number_to_json(state.rate_factor)},
          {"plateau_best", number_to_json(state.plateau_best)},
          {"since_plateau_best", state.since_plateau_best},
          {"best", best}};
}

SelectionState selection_state_from(const Json& object) {
  SelectionState state;
  state.seen = object.value("seen", int64_t{0});
  state.since_best = object.value("since_best", int64_t{0});
  state.rate_factor = number_from_json(object.value("rate_factor", Json(1.0)));
  state.plateau_best = number_from_json(object.value("plateau_best", Json(0.0)));
  state.since_plateau_best = object.value("since_plateau_best", int64_t{0});
  for (const Json& report : object.value("best", Json::array())) {
    state.best.push_back(report_from(report));
  }
  return state;
}

}  // namespace lockstep
