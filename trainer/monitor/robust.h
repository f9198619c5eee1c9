// Statistics that a few strange values do not move.
#pragma once

#include <cstdint>
#include <vector>

namespace lockstep {

/// Of an even number of values the mean of the two in the middle; 0 of none.
double median(std::vector<double> values);

struct RobustBaseline {
  double median = 0;
  double spread = 0;  ///< median absolute deviation times 1.4826: a normal standard deviation
};
RobustBaseline baseline_of(const std::vector<double>& values);

/// What one window of time holds.
struct WindowCounts {
  int64_t negative = 0;  ///< negative texts of the topic
  int64_t all = 0;       ///< texts of any kind and topic
};

struct SurgeScore {
  double expected = 0;  ///< median of the past windows' negative texts
  double score = 0;     ///< how many standard deviations above it; below 0 when below it
};

/// How far the negative texts of `now` lie above those of the `past` windows: by their number, and
/// by their share of all texts; the smaller of the two, so that a day on which everybody writes
/// twice as much is no surge. A standard deviation is never smaller than that of a Poisson count of
/// the same mean, nor than 1.
SurgeScore surge_score(const WindowCounts& now, const std::vector<WindowCounts>& past);

}  // namespace lockstep
