// Seconds between two moments.
#pragma once

#include <chrono>

namespace lockstep {

class Stopwatch {
 public:
  /// Seconds since construction or the last lap, and starts anew.
  double lap() {
    const auto now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - start_).count();
    start_ = now;
    return seconds;
  }
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

}  // namespace lockstep
