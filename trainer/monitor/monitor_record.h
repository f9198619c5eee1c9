// One line of the monitor's input.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "trainer/monitor/monitor_config.h"

namespace lockstep {

struct MonitorRecord {
  int64_t line = 0;  ///< from 1
  nlohmann::json id;
  std::string text;
  int64_t time = 0;   ///< milliseconds since 1970
  std::string error;  ///< why the line cannot be used; empty when it can
};

/// Never throws: what is wrong with the line is in `error`.
MonitorRecord read_record(const std::string& line, int64_t number, const MonitorConfig& config);

}  // namespace lockstep
