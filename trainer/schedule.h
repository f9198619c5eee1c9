// The learning rate over time.
#pragma once

#include <cstdint>

#include "trainer/optimizer_config.h"

namespace lockstep {

/// Factor on the learning rate for update number `step` (from 1) of `total_steps`: rises linearly
/// over the warm-up, then moves as the config says. What `plateau` adds depends on evaluations:
/// selection.h.
double schedule_factor(const ScheduleConfig& config, int64_t step, int64_t total_steps);

}  // namespace lockstep
