// The threshold that gives as many alerts on a past without surges as one can bear.
#pragma once

#include <utility>
#include <vector>

#include "trainer/monitor/surge_config.h"
#include "trainer/monitor/topic_trends.h"

namespace lockstep {

struct Calibration {
  double threshold = 0;
  double months = 0;  ///< of 30 days, without silence
  /// Whether the past is so short that the threshold comes from the tail's shape, not from counts.
  bool extrapolated = false;
  std::vector<std::pair<double, int64_t>> tried;  ///< threshold and alerts there
};

/// Hands `points` (of all topics, in the order of slots) to a gate at every threshold of a grid.
/// The result is the smallest one from which on there are at most `alerts_a_month` alerts, those
/// held back included; the grid's largest when there is none. Months count from the first slot that
/// is judged.
///
/// Where that many alerts are fewer than three of the whole past, their count says little: then
/// the threshold is where an exponential tail, fitted to the alerts above the lowest threshold with
/// at most ten of them, has fallen to so many (peaks over a threshold; Pickands 1975).
Calibration calibrate(const SurgeConfig& config, const std::vector<TrendPoint>& points,
                      double alerts_a_month);

}  // namespace lockstep
