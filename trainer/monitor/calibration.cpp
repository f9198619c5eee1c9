#include "trainer/monitor/calibration.h"

#include <algorithm>
#include <cmath>

#include "trainer/monitor/alert_gate.h"

namespace lockstep {
namespace {

constexpr double kSmallest = 1, kLargest = 40, kStep = 0.25;
constexpr double kFewAlerts = 3;
constexpr int64_t kTailAlerts = 10;
constexpr double kMillisecondsAMonth = 30 * 86400e3;

int64_t alerts_at(SurgeConfig config, const std::vector<TrendPoint>& points, double threshold) {
  config.threshold = threshold;
  AlertGate gate(config);
  return std::count_if(points.begin(), points.end(), [&](const TrendPoint& point) {
    return gate.judge(point) != AlertVerdict::calm;
  });
}

/// Buckets from the first that is judged to the last.
int64_t judged_buckets(const std::vector<TrendPoint>& points) {
  const auto first = std::find_if(points.begin(), points.end(),
                                  [](const TrendPoint& point) { return point.judged; });
  return first == points.end() ? 0 : points.back().slot - first->slot + 1;
}

/// Where an exponential tail falls to `allowed` alerts. That of the alerts' excesses over a
/// threshold has as mean the area under the counts beyond it, for each alert there.
double tail_threshold(const std::vector<std::pair<double, int64_t>>& tried, double allowed) {
  const auto begin = std::find_if(tried.begin(), tried.end(),
                                  [](const auto& one) { return one.second <= kTailAlerts; });
  if (begin == tried.end()) return kLargest;
  const auto alerts = static_cast<double>(begin->second);
  if (alerts <= allowed) return begin->first;
  double area = -kStep * alerts / 2;  // the trapezoidal rule
  for (auto one = begin; one != tried.end(); ++one) {
    area += kStep * static_cast<double>(one->second);
  }
  const double threshold = begin->first + area / alerts * std::log(alerts / allowed);
  return std::min(kLargest, std::ceil(threshold / kStep) * kStep);
}

}  // namespace

Calibration calibrate(const SurgeConfig& config, const std::vector<TrendPoint>& points,
                      double alerts_a_month) {
  Calibration result;
  result.threshold = kLargest;
  result.months = static_cast<double>(judged_buckets(points)) *
                  static_cast<double>(config.bucket_milliseconds()) / kMillisecondsAMonth;
  const double allowed = alerts_a_month * result.months;
  bool quiet = true;
  for (double threshold = kLargest; threshold >= kSmallest; threshold -= kStep) {
    const int64_t alerts = alerts_at(config, points, threshold);
    result.tried.insert(result.tried.begin(), {threshold, alerts});
    quiet = quiet && static_cast<double>(alerts) <= allowed;
    if (quiet) result.threshold = threshold;
  }
  result.extrapolated = allowed > 0 && allowed < kFewAlerts;
  if (result.extrapolated) result.threshold = tail_threshold(result.tried, allowed);
  return result;
}

}  // namespace lockstep
