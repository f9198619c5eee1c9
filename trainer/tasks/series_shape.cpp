#include "trainer/tasks/series_shape.h"

#include <algorithm>

#include "data/base/error.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

[[noreturn]] void refuse(const std::string& lacks) {
  throw Error(ExitCode::config, "task forecasting needs windows of a series; " + lacks,
              "make a data set with `lockstep data import series`");
}

template <class Value>
std::vector<Value> first_of(const std::vector<Value>& values, int64_t count) {
  return {values.begin(), values.begin() + count};
}

Tensor floats(const std::vector<double>& values) {
  return torch::tensor(values, torch::kFloat32);
}

}  // namespace

Tensor SeriesShape::values(const Tensor& inputs_TBF) const {
  const Tensor values_TBC = inputs_TBF.narrow(2, 0, num_columns());
  if (!masked) return values_TBC;
  const Tensor present_TBC = inputs_TBF.narrow(2, num_columns(), num_columns()).gt(0.5);
  const Tensor steps =
      torch::arange(inputs_TBF.size(0), present_TBC.options().dtype(torch::kInt64));
  const Tensor last_TBC = std::get<0>((present_TBC * steps.view({-1, 1, 1})).cummax(0));
  return values_TBC.gather(0, last_TBC);
}

Tensor SeriesShape::of_targets(const Tensor& columns_C) const {
  const Tensor index = torch::tensor(targets, torch::kInt64).to(columns_C.device());
  return columns_C.index_select(columns_C.dim() - 1, index);
}

Tensor SeriesShape::target_mean() const {
  return of_targets(floats(mean));
}

Tensor SeriesShape::target_deviation() const {
  return of_targets(floats(deviation));
}

json describe_series(const Manifest& manifest) {
  if (!manifest.series) refuse("this data set has none");
  const auto inputs = manifest.scaling.find("inputs"), future = manifest.scaling.find("future");
  if (inputs == manifest.scaling.end() || future == manifest.scaling.end()) {
    refuse("this one does not tell how it was scaled");
  }
  const SeriesInfo& series = *manifest.series;
  const FeatureScaling& all = inputs->second;
  const auto features = static_cast<int64_t>(all.names.size());
  const bool masked = series.missing == "mask";
  const int64_t count =
      (features - 2 * static_cast<int64_t>(series.calendar.size())) / (masked ? 3 : 1);
  if (count < 1 || count > features) refuse("this one names no columns");
  const auto columns = first_of(all.names, count);
  json targets = json::array();
  for (const std::string& name : future->second.names) {
    const auto found = std::find(columns.begin(), columns.end(), name);
    if (found == columns.end()) refuse(fmt::format("\"{}\" is no column of its inputs", name));
    targets.push_back(found - columns.begin());
  }
  json description = {{"columns", columns},
                      {"mean", first_of(all.mean, count)},
                      {"deviation", first_of(all.deviation, count)},
                      {"targets", targets},
                      {"calendar", series.calendar},
                      {"masked", masked},
                      {"history", series.history},
                      {"horizon", series.horizon}};
  if (series_shape_of(description).num_features() != manifest.streams.front().features) {
    refuse("this one's inputs are not as its manifest says");
  }
  return description;
}

SeriesShape series_shape_of(const json& description) {
  SeriesShape shape;
  shape.columns = description.at("columns").get<std::vector<std::string>>();
  shape.mean = description.at("mean").get<std::vector<double>>();
  shape.deviation = description.at("deviation").get<std::vector<double>>();
  shape.targets = description.at("targets").get<std::vector<int64_t>>();
  shape.calendar = description.at("calendar").get<std::vector<std::string>>();
  shape.masked = description.at("masked");
  shape.history = description.at("history");
  shape.horizon = description.at("horizon");
  return shape;
}

}  // namespace lockstep
