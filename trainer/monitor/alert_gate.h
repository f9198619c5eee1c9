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
/// over, silence among it, or until a window later the score has grown to `growth` times that of
/// the alert: what alerted may have been the first sign of a surge, or another one. All topics
/// together alert at most `most_alerts` times in `cool_down` buckets.
class AlertGate {
 public:
  explicit AlertGate(const SurgeConfig& config) : config_(config) {}

  /// Points of a topic come in the order of slots.
  AlertVerdict judge(const TrendPoint& point);

  nlohmann::json state() const;
  /// Throws nlohmann::json::exception when that is no state.
  void restore(const nlohmann::json& state);

 private:
  struct LastAlert {
    int64_t time = 0;
    double score = 0;
  };

  bool is_over(const LastAlert& alert, const TrendPoint& point) const;
  bool has_grown(const LastAlert& alert, const TrendPoint& point) const;
  bool too_many(int64_t time);

  SurgeConfig config_;
  std::map<std::string, LastAlert> alerting_;  ///< topics that are silent
  std::deque<int64_t> alerts_;                 ///< times of those within `cool_down`
};

}  // namespace lockstep
