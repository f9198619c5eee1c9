#include "trainer/monitor/alert_gate.h"

namespace lockstep {

AlertVerdict AlertGate::judge(const TrendPoint& point) {
  if (!point.judged) return AlertVerdict::calm;
  const auto alerting = alerting_.find(point.topic);
  if (alerting != alerting_.end()) {
    const bool calm = point.score < config_.release * config_.threshold;
    if (!calm || point.end - alerting->second < config_.cool_down_milliseconds())
      return AlertVerdict::calm;
    alerting_.erase(alerting);
  }
  if (point.score < config_.threshold || point.evidence < config_.least) return AlertVerdict::calm;
  alerting_[point.topic] = point.end;
  if (too_many(point.end)) return AlertVerdict::held_back;
  alerts_.push_back(point.end);
  return AlertVerdict::alert;
}

bool AlertGate::too_many(int64_t time) {
  while (!alerts_.empty() && time - alerts_.front() >= config_.cool_down_milliseconds()) {
    alerts_.pop_front();
  }
  return static_cast<int64_t>(alerts_.size()) >= config_.most_alerts;
}

nlohmann::json AlertGate::state() const {
  return {{"alerting", alerting_}, {"alerts", alerts_}};
}

void AlertGate::restore(const nlohmann::json& state) {
  alerting_ = state.at("alerting").get<std::map<std::string, int64_t>>();
  alerts_ = state.at("alerts").get<std::deque<int64_t>>();
}

}  // namespace lockstep
