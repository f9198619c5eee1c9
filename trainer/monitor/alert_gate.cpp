#include "trainer/monitor/alert_gate.h"

namespace lockstep {

AlertVerdict AlertGate::judge(const TrendPoint& point) {
  if (!point.judged) return AlertVerdict::calm;
  const auto alerting = alerting_.find(point.topic);
  if (alerting != alerting_.end()) {
    const bool calm = point.score < config_.release * config_.threshold;
    if (!calm || point.slot - alerting->second < config_.cool_down) return AlertVerdict::calm;
    alerting_.erase(alerting);
  }
  if (point.score < config_.threshold || point.negative < config_.least) return AlertVerdict::calm;
  alerting_[point.topic] = point.slot;
  if (too_many(point.slot)) return AlertVerdict::held_back;
  alerts_.push_back(point.slot);
  return AlertVerdict::alert;
}

bool AlertGate::too_many(int64_t slot) {
  while (!alerts_.empty() && slot - alerts_.front() >= config_.cool_down) alerts_.pop_front();
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
