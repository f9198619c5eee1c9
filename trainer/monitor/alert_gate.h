// From scores to alerts: once per surge, and never a storm of them.
#pragma once

#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "trainer/monitor/surge_config.h"
#include "trainer/monitor/topic_trends.h"

namespace lockstep {

enum class AlertVerdict {
  calm,
  alert,
  held_back  ///< it would be one, but there were too many of late
};

/// A topic that alerts is silent until its score has come down and `cool_down` buckets of time are
/// over, silence among it; all topics together alert at most `most_alerts` times in as many.
class AlertGate {
 public:
  explicit AlertGate(const SurgeConfig& config) : config_(config) {}

  /// Points of a topic come in the order of slots.
  AlertVerdict judge(const TrendPoint& point);

  nlohmann::json state() const;
  /// Throws nlohmann::json::exception when that is no state.
  void restore(const nlohmann::json& state);

 private:
  bool too_many(int64_t time);

  SurgeConfig config_;
  std::map<std::string, int64_t> alerting_;  ///< topics, with the time of their alert
  std::deque<int64_t> alerts_;               ///< times of those within `cool_down`
};

}  // namespace lockstep
