#include "trainer/monitor/topic_trends.h"

#include <algorithm>

#include "trainer/monitor/robust.h"
#include "trainer/monitor/tally_json.h"

namespace lockstep {

using nlohmann::json;

namespace {

/// One that is judged before one that is not, and the longer one of equals: it says more.
bool tells_more(const TrendPoint& point, const TrendPoint& than) {
  if (point.judged != than.judged) return point.judged;
  if (point.score != than.score) return point.score > than.score;
  return point.begin < than.begin;
}

}  // namespace

std::vector<TrendPoint> TopicTrends::add(const TimeBucket& bucket) {
  if (next_begin_ && bucket.begin != *next_begin_) unbroken_ = 0;
  unbroken_ += 1;
  next_begin_ = bucket.begin + config_.bucket_milliseconds();
  recent_.push_front(bucket.tally);
  while (static_cast<int64_t>(recent_.size()) > config_.reach()) recent_.pop_back();
  for (const auto& entry : bucket.tally.topics) topics_.insert(entry.first);
  std::vector<TrendPoint> points;
  for (const std::string& topic : topics_) {
    TrendPoint most;
    for (const int64_t length : config_.window) {
      TrendPoint point = point_of(topic, bucket, length);
      if (most.topic.empty() || tells_more(point, most)) most = std::move(point);
    }
    points.push_back(std::move(most));
  }
  return points;
}

TrendPoint TopicTrends::point_of(const std::string& topic, const TimeBucket& bucket,
                                 int64_t length) const {
  TrendPoint point;
  point.topic = topic;
  point.slot = bucket.slot;
  point.end = bucket.begin + config_.bucket_milliseconds();
  const int64_t whole = std::min(length, unbroken_);
  point.begin = point.end - length * config_.bucket_milliseconds();
  const TopicCount now = topic_in(topic, 0, whole);
  point.texts = now.texts;
  point.negative = now.negative;
  point.evidence = now.evidence;
  std::vector<WindowCounts> past;
  for (int64_t i = 1; i <= config_.history; ++i) {
    const int64_t back = i * config_.season;
    if (back < length) continue;  // it shares buckets with the window itself
    if (back + length > static_cast<int64_t>(recent_.size())) break;
    past.push_back({topic_in(topic, back, length).evidence, all_in(back, length)});
  }
  point.past = static_cast<int64_t>(past.size());
  point.judged = point.past >= config_.warm_up;
  if (!point.judged) return point;
  const SurgeScore score = surge_score({now.evidence, all_in(0, whole)}, past);
  point.expected = score.expected;
  point.score = score.score;
  return point;
}

TopicCount TopicTrends::topic_in(const std::string& topic, int64_t back, int64_t length) const {
  TopicCount sum;
  const auto end = std::min<size_t>(recent_.size(), static_cast<size_t>(back + length));
  for (auto i = static_cast<size_t>(back); i < end; ++i) {
    const auto found = recent_[i].topics.find(topic);
    if (found == recent_[i].topics.end()) continue;
    sum += found->second;
  }
  return sum;
}

int64_t TopicTrends::all_in(int64_t back, int64_t length) const {
  int64_t sum = 0;
  const auto end = std::min<size_t>(recent_.size(), static_cast<size_t>(back + length));
  for (auto i = static_cast<size_t>(back); i < end; ++i) sum += recent_[i].texts;
  return sum;
}

json TopicTrends::state() const {
  json recent = json::array();
  for (const Tally& tally : recent_) recent.push_back(json_of(tally));
  return {{"recent", std::move(recent)},
          {"topics", topics_},
          {"next_begin", next_begin_ ? json(*next_begin_) : json(nullptr)},
          {"unbroken", unbroken_}};
}

void TopicTrends::restore(const json& state) {
  recent_.clear();
  for (const json& tally : state.at("recent")) recent_.push_back(tally_of(tally));
  topics_ = state.at("topics").get<std::set<std::string>>();
  // Format version 2 does not tell: as if there had been no silence.
  const json next = state.value("next_begin", json(nullptr));
  next_begin_ = next.is_null() ? std::nullopt : std::optional(next.get<int64_t>());
  unbroken_ = state.value("unbroken", static_cast<int64_t>(recent_.size()));
}

}  // namespace lockstep
