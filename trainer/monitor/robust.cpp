#include "trainer/monitor/robust.h"

#include <algorithm>
#include <cmath>

namespace lockstep {
namespace {

/// Makes the median absolute deviation of normal values their standard deviation.
constexpr double kNormalConsistency = 1.4826;

constexpr double kLeastVariance = 2;

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

RobustBaseline baseline_of(const std::vector<double>& values) {
  RobustBaseline baseline;
  baseline.median = median(values);
  std::vector<double> deviations;
  for (const double value : values) deviations.push_back(std::abs(value - baseline.median));
  baseline.spread = kNormalConsistency * median(std::move(deviations));
  return baseline;
}

SurgeScore surge_score(const WindowCounts& now, const std::vector<WindowCounts>& past) {
  std::vector<double> shares;
  for (const WindowCounts& window : past) {
    if (window.all > 0) shares.push_back(window.evidence / static_cast<double>(window.all));
  }
  const RobustBaseline share = baseline_of(shares);
  const auto all = static_cast<double>(now.all);
  const double expected = share.median * all, spread = share.spread * all;
  const double variance = std::max({spread * spread, expected, kLeastVariance});
  return {expected, (now.evidence - expected) / std::sqrt(variance)};
}

}  // namespace lockstep
