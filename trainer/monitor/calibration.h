// The threshold that gives as many alerts on a past without surges as one can bear.
#pragma once

#include <utility>
#include <vector>

#include "trainer/monitor/surge_config.h"
#include "trainer/monitor/topic_trends.h"

namespace lockstep {

struct Calibration {
  double threshold = 0;
  double months = 0;                              ///< of 30 days, without silence
  std::vector<std::pair<double, int64_t>> tried;  ///< threshold and alerts there
};

/// Hands `points` (of all topics, in the order of slots) to a gate at every threshold of a grid.
/// The result is the smallest one from which on there are at most `alerts_a_month` alerts, those
/// held back included; the grid's largest when there is none. Months count from the first slot that
/// is judged.
Calibration calibrate(const SurgeConfig& config, const std::vector<TrendPoint>& points,
                      double alerts_a_month);

}  // namespace lockstep
