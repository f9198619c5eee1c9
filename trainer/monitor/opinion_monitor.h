// Dated texts in, their topics and sentiments, trends and alerts out: `lockstep monitor` without
// its files and models.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "trainer/monitor/alert_gate.h"
#include "trainer/monitor/bucket_clock.h"
#include "trainer/monitor/monitor_config.h"
#include "trainer/monitor/opinion.h"
#include "trainer/monitor/topic_trends.h"

namespace lockstep {

struct MonitorCounts {
  int64_t lines = 0;
  int64_t texts = 0;  ///< lines that could be used
  int64_t bad = 0;
  int64_t late = 0;   ///< texts that count in no trend, for their bucket was judged
  int64_t ahead = 0;  ///< or their date is not believed
  int64_t alerts = 0;
  int64_t held_back = 0;
};

class OpinionMonitor {
 public:
  /// Throws Error(config) when no length of a window is given.
  OpinionMonitor(const MonitorConfig& config, ReadOpinions read);

  /// Reads lines together and appends one line for each to `out`, in order, with trends and alerts
  /// behind the text that ended their bucket. What is appended for a line does not depend on where
  /// blocks of lines end.
  void take(const std::vector<std::string>& lines, std::string& out);
  /// Nothing more comes: judges what is still open.
  void finish(std::string& out);

  const MonitorCounts& counts() const { return counts_; }
  /// Sees every point of every topic's trend.
  void on_point(std::function<void(const TrendPoint&)> use) { on_point_ = std::move(use); }

  nlohmann::json state() const;
  /// Throws Error(config) when it was made with other lengths of time, and
  /// nlohmann::json::exception when it is no state.
  void restore(const nlohmann::json& state);

 private:
  void judge(const std::vector<TimeBucket>& buckets, std::string& out);

  MonitorConfig config_;
  ReadOpinions read_;
  BucketClock clock_;
  TopicTrends trends_;
  AlertGate gate_;
  MonitorCounts counts_;
  std::function<void(const TrendPoint&)> on_point_;
};

}  // namespace lockstep
