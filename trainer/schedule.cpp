#include "trainer/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lockstep {

double schedule_factor(const ScheduleConfig& config, int64_t step, int64_t total_steps) {
  if (step <= config.warmup_steps) {
    return static_cast<double>(step) / static_cast<double>(config.warmup_steps);
  }
  if (config.kind == "constant") return 1;
  const double steps_left =
      static_cast<double>(std::max<int64_t>(1, total_steps - config.warmup_steps));
  const double done = std::min(1.0, static_cast<double>(step - config.warmup_steps) / steps_left);
  const double shape =
      config.kind == "linear" ? 1 - done : (1 + std::cos(std::numbers::pi * done)) / 2;
  return config.final_factor + (1 - config.final_factor) * shape;
}

}  // namespace lockstep
