#include "trainer/monitor/calibration.h"

#include <algorithm>

#include "trainer/monitor/alert_gate.h"

namespace lockstep {
namespace {

constexpr double kSmallest = 2, kLargest = 40, kStep = 0.25;
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

}  // namespace

Calibration calibrate(const SurgeConfig& config, const std::vector<TrendPoint>& points,
                      double alerts_a_month) {
  Calibration result;
  result.threshold = kLargest;
  result.months = static_cast<double>(judged_buckets(points)) *
                  static_cast<double>(config.bucket_milliseconds()) / kMillisecondsAMonth;
  bool quiet = true;
  for (double threshold = kLargest; threshold >= kSmallest; threshold -= kStep) {
    const int64_t alerts = alerts_at(config, points, threshold);
    result.tried.insert(result.tried.begin(), {threshold, alerts});
    quiet = quiet && static_cast<double>(alerts) <= alerts_a_month * result.months;
    if (quiet) result.threshold = threshold;
  }
  return result;
}

}  // namespace lockstep
