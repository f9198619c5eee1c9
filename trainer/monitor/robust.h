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
  double evidence = 0;  ///< of negative texts of the topic: the sum of their probabilities
  int64_t all = 0;      ///< texts of any kind and topic
};

struct SurgeScore {
  double expected = 0;  ///< the evidence that the past lets expect among so many texts
  double score = 0;     ///< how many standard deviations above it; below 0 when below it
};

/// How far the evidence of `now` lies above that of the `past` windows, as a share of all texts: a
/// day on which everybody writes twice as much is no surge. The expected share is the past's
/// median, the standard deviation that of their median absolute deviation, but never smaller than
/// that of a Poisson count of the same mean, nor than the root of 2: a text is seldom the only one
/// about an event.
SurgeScore surge_score(const WindowCounts& now, const std::vector<WindowCounts>& past);

}  // namespace lockstep
