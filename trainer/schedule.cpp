#include "trainer/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lockstep {

double schedule_factor(const ScheduleConfig& config, int64_t step, int64_t total_steps) {
  if (step <= config.warmup_steps) {
    return static_cast<double>(step) / static_cast<double>(config.warmup_steps);
  }
  const int64_t after = step - config.warmup_steps;
  if (config.kind == "step") {
    const int64_t changes = config.every > 0 ? (after - 1) / config.every : 0;
    return std::max(config.final_factor, std::pow(config.factor, static_cast<double>(changes)));
  }
  if (config.kind == "inverse_sqrt") {
    const auto first = static_cast<double>(std::max<int64_t>(1, config.warmup_steps));
    return std::max(config.final_factor,
                    std::sqrt(first / (first - 1 + static_cast<double>(after))));
  }
  if (config.kind != "linear" && config.kind != "cosine") return 1;
  const double steps_left =
      static_cast<double>(std::max<int64_t>(1, total_steps - config.warmup_steps));
  const double done = std::min(1.0, static_cast<double>(after) / steps_left);
  const double shape =
      config.kind == "linear" ? 1 - done : (1 + std::cos(std::numbers::pi * done)) / 2;
  return config.final_factor + (1 - config.final_factor) * shape;
}

}  // namespace lockstep
