#include "trainer/monitor/bucket_clock.h"

#include <algorithm>
#include <limits>

#include "trainer/monitor/tally_json.h"

namespace lockstep {

using nlohmann::json;

namespace {

/// Texts that agree on a date far ahead are believed.
constexpr int64_t kLeapsBelieved = 3;

json optional_number(const std::optional<int64_t>& number) {
  return number ? json(*number) : json(nullptr);
}

std::optional<int64_t> number_in(const json& value) {
  if (value.is_null()) return std::nullopt;
  return value.get<int64_t>();
}

}  // namespace

/// Rounds down, also before 1970.
int64_t BucketClock::number_of(int64_t time) const {
  const int64_t length = config_.bucket_milliseconds();
  return time / length - (time % length < 0 ? 1 : 0);
}

BucketClock::Place BucketClock::add(int64_t time, const TopicCounts& text) {
  const bool leaps = newest_ && time - *newest_ > config_.leap_milliseconds();
  leaps_ = leaps ? leaps_ + 1 : 0;
  if (leaps && leaps_ < kLeapsBelieved) return Place::ahead;
  leaps_ = 0;
  const int64_t number = number_of(time);
  if (last_ && number <= *last_) return Place::late;
  newest_ = newest_ ? std::max(*newest_, time) : time;
  Tally& tally = waiting_[number];
  tally.texts += 1;
  for (const auto& [topic, own] : text) tally.topics[topic] += own;
  return Place::counted;
}

std::vector<TimeBucket> BucketClock::take_complete() {
  if (!newest_) return {};
  return take_before(number_of(*newest_ - config_.lateness_milliseconds()));
}

std::vector<TimeBucket> BucketClock::take_rest() {
  return take_before(std::numeric_limits<int64_t>::max());
}

/// Empty buckets are handed out with the next one that is not: only then is it known how long the
/// silence was.
std::vector<TimeBucket> BucketClock::take_before(int64_t end) {
  std::vector<TimeBucket> buckets;
  const int64_t length = config_.bucket_milliseconds();
  while (!waiting_.empty() && waiting_.begin()->first < end) {
    auto next = waiting_.extract(waiting_.begin());
    int64_t number = last_ ? *last_ + 1 : next.key();
    const int64_t empty = next.key() - number;
    if (empty >= config_.silence) {
      const int64_t none = empty / config_.season * config_.season;
      skipped_ += none;
      number += none;
    }
    for (; number < next.key(); ++number) {
      buckets.push_back({number - skipped_, number * length, {}});
    }
    buckets.push_back({number - skipped_, number * length, std::move(next.mapped())});
    last_ = number;
  }
  return buckets;
}

json BucketClock::state() const {
  json waiting = json::array();
  for (const auto& [number, tally] : waiting_) waiting.push_back({number, json_of(tally)});
  return {{"newest", optional_number(newest_)},
          {"leaps", leaps_},
          {"last", optional_number(last_)},
          {"skipped", skipped_},
          {"waiting", std::move(waiting)}};
}

void BucketClock::restore(const json& state) {
  newest_ = number_in(state.at("newest"));
  leaps_ = state.at("leaps");
  last_ = number_in(state.at("last"));
  skipped_ = state.at("skipped");
  waiting_.clear();
  for (const json& entry : state.at("waiting")) {
    waiting_[entry.at(0).get<int64_t>()] = tally_of(entry.at(1));
  }
}

}  // namespace lockstep
