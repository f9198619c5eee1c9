#include "trainer/monitor/alert_gate.h"

#include <limits>

namespace lockstep {

using nlohmann::json;

namespace {

constexpr double kUnknownScore = std::numeric_limits<double>::max();

}  // namespace

AlertVerdict AlertGate::judge(const TrendPoint& point) {
  if (!point.judged) return AlertVerdict::calm;
  const auto last = alerting_.find(point.topic);
  if (last != alerting_.end()) {
    const bool over = is_over(last->second, point);
    if (!over && !has_grown(last->second, point)) return AlertVerdict::calm;
    if (over) alerting_.erase(last);
  }
  if (point.score < config_.threshold || point.evidence < config_.least) return AlertVerdict::calm;
  alerting_[point.topic] = {point.end, point.score};
  if (too_many(point.end)) return AlertVerdict::held_back;
  alerts_.push_back(point.end);
  return AlertVerdict::alert;
}

bool AlertGate::is_over(const LastAlert& alert, const TrendPoint& point) const {
  return point.score < config_.release * config_.threshold &&
         point.end - alert.time >= config_.cool_down_milliseconds();
}

bool AlertGate::has_grown(const LastAlert& alert, const TrendPoint& point) const {
  const int64_t window = config_.longest_window() * config_.bucket_milliseconds();
  return config_.growth > 0 && point.score >= config_.growth * alert.score &&
         point.end - alert.time >= window;
}

bool AlertGate::too_many(int64_t time) {
  while (!alerts_.empty() && time - alerts_.front() >= config_.cool_down_milliseconds()) {
    alerts_.pop_front();
  }
  return static_cast<int64_t>(alerts_.size()) >= config_.most_alerts;
}

json AlertGate::state() const {
  json alerting = json::object();
  for (const auto& [topic, alert] : alerting_) alerting[topic] = {alert.time, alert.score};
  return {{"alerting", std::move(alerting)}, {"alerts", alerts_}};
}

void AlertGate::restore(const json& state) {
  alerting_.clear();
  for (const auto& [topic, alert] : state.at("alerting").items()) {
    // Before format version 3 only the time was kept: such a surge is not told again.
    const bool scored = alert.is_array();
    alerting_[topic] = {scored ? alert.at(0).get<int64_t>() : alert.get<int64_t>(),
                        scored ? alert.at(1).get<double>() : kUnknownScore};
  }
  alerts_ = state.at("alerts").get<std::deque<int64_t>>();
}

}  // namespace lockstep
