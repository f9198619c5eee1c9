// Each topic's counts in a sliding window beside those of past windows.
#pragma once

#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "trainer/monitor/surge_config.h"
#include "trainer/monitor/tally.h"

namespace lockstep {

/// A topic's window that ends with the bucket just handed in; of windows of several lengths the one
/// with the highest score.
struct TrendPoint {
  std::string topic;
  int64_t slot = 0;
  int64_t begin = 0;  ///< milliseconds since 1970
  int64_t end = 0;
  int64_t texts = 0;
  int64_t negative = 0;
  double evidence = 0;  ///< as TopicCount
  int64_t past = 0;     ///< windows it is compared with
  bool judged = false;  ///< there are enough of them
  double expected = 0;  ///< as SurgeScore; 0 where it is not judged
  double score = 0;
};

class TopicTrends {
 public:
  explicit TopicTrends(const SurgeConfig& config) : config_(config) {}

  /// The next bucket in the order of slots. One point for each topic there has been so far. What
  /// was before a silence that is left out is in no window that ends behind it.
  std::vector<TrendPoint> add(const TimeBucket& bucket);

  nlohmann::json state() const;
  /// Throws nlohmann::json::exception when that is no state.
  void restore(const nlohmann::json& state);

 private:
  /// Of the window of up to `length` buckets.
  TrendPoint point_of(const std::string& topic, const TimeBucket& bucket, int64_t length) const;
  /// Of the buckets from `back` ago on, into the past.
  TopicCount topic_in(const std::string& topic, int64_t back, int64_t length) const;
  int64_t all_in(int64_t back, int64_t length) const;

  SurgeConfig config_;
  std::deque<Tally> recent_;  ///< the newest first, `reach` of them at most
  /// Where the next bucket begins unless a silence is left out before it; none before the first.
  std::optional<int64_t> next_begin_;
  int64_t unbroken_ = 0;  ///< buckets since the last such silence
  std::set<std::string> topics_;
};

}  // namespace lockstep
