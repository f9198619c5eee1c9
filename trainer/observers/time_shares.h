// Where the wall time of a run went, in shares, and what to do about it.
#pragma once

#include <string>
#include <vector>

#include "trainer/observers/observer.h"

namespace lockstep {

struct TimeShare {
  std::string key;    ///< as in result.json: "data"
  std::string label;  ///< for people: "waiting for data"
  double fraction = 0;
};

/// Fractions of the run's wall time in the order of TimeSplit. They add up to 1: what nobody
/// measured counts as "other".
std::vector<TimeShare> time_shares(const RunResult& result);

/// One sentence for each thing that took a larger share than it should, with the key to change.
std::vector<std::string> advice_on(const RunResult& result);

}  // namespace lockstep
