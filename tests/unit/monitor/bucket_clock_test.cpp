#include "trainer/monitor/bucket_clock.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace lockstep {
namespace {

constexpr int64_t kHour = 3600 * 1000;

SurgeConfig hourly() {
  SurgeConfig config;
  config.season = 24;
  config.silence = 12;
  config.lateness_minutes = 120;
  return config;
}

TopicCounts text_of(const std::vector<std::string>& topics, bool negative) {
  TopicCounts counts;
  for (const std::string& topic : topics) counts[topic] = {1, negative ? 1 : 0, 0.5};
  return counts;
}

/// "slot:texts of a:negative ones of a", one for each bucket.
std::string brief(const std::vector<TimeBucket>& buckets) {
  std::string text;
  for (const TimeBucket& bucket : buckets) {
    const auto found = bucket.tally.topics.find("a");
    const TopicCount count = found == bucket.tally.topics.end() ? TopicCount() : found->second;
    text += fmt::format("{}:{}:{} ", bucket.slot, count.texts, count.negative);
  }
  return text;
}

TEST(BucketClockTest, HandsOutWhatIsOlderThanTheLateness) {
  BucketClock clock(hourly());
  clock.add(10 * kHour, text_of({"a"}, true));
  clock.add(10 * kHour + 1, text_of({"a", "b"}, false));
  EXPECT_EQ(brief(clock.take_complete()), "");
  clock.add(13 * kHour - 1, text_of({}, false));
  EXPECT_EQ(brief(clock.take_complete()), "");
  clock.add(13 * kHour, text_of({}, false));
  EXPECT_EQ(brief(clock.take_complete()), "10:2:1 ");
  EXPECT_EQ(brief(clock.take_rest()), "11:0:0 12:0:0 13:0:0 ");
}

TEST(BucketClockTest, DisorderWithinTheLatenessChangesNothing) {
  std::mt19937 random(3);
  std::vector<std::pair<int64_t, bool>> texts;
  for (int i = 0; i < 500; ++i) texts.push_back({i * kHour / 5, random() % 3 == 0});
  const auto buckets_of = [&] {
    BucketClock clock(hourly());
    std::vector<TimeBucket> all;
    for (const auto& [time, negative] : texts) {
      EXPECT_EQ(clock.add(time, text_of({"a"}, negative)), BucketClock::Place::counted);
      for (TimeBucket& bucket : clock.take_complete()) all.push_back(bucket);
    }
    for (TimeBucket& bucket : clock.take_rest()) all.push_back(bucket);
    return brief(all);
  };
  const std::string ordered = buckets_of();
  for (size_t i = 0; i + 10 <= texts.size(); i += 10) {  // two hours
    std::shuffle(texts.begin() + static_cast<std::ptrdiff_t>(i),
                 texts.begin() + static_cast<std::ptrdiff_t>(i) + 10, random);
  }
  EXPECT_EQ(buckets_of(), ordered);
}

TEST(BucketClockTest, TextsOfBucketsThatAreHandedOutAreLate) {
  BucketClock clock(hourly());
  clock.add(10 * kHour, text_of({"a"}, false));
  clock.add(20 * kHour, text_of({"a"}, false));
  EXPECT_EQ(brief(clock.take_complete()), "10:1:0 ");
  EXPECT_EQ(clock.add(10 * kHour + 5, text_of({"a"}, false)), BucketClock::Place::late);
  EXPECT_EQ(brief(clock.take_rest()),
            "11:0:0 12:0:0 13:0:0 14:0:0 15:0:0 16:0:0 17:0:0 18:0:0 "
            "19:0:0 20:1:0 ");
}

TEST(BucketClockTest, WholeSeasonsOfSilenceAreNoTime) {
  BucketClock clock(hourly());
  clock.add(10 * kHour, text_of({"a"}, false));
  clock.add((10 + 3 * 24 + 2) * kHour, text_of({"a"}, true));
  EXPECT_EQ(brief(clock.take_rest()), "10:1:0 11:0:0 12:1:1 ");
}

TEST(BucketClockTest, OneWrongDateIsNotBelievedThreeAre) {
  BucketClock clock(hourly());
  clock.add(10 * kHour, text_of({"a"}, false));
  const int64_t far = 1000 * 24 * kHour;
  EXPECT_EQ(clock.add(far, text_of({"a"}, false)), BucketClock::Place::ahead);
  EXPECT_EQ(clock.add(11 * kHour, text_of({"a"}, false)), BucketClock::Place::counted);
  EXPECT_EQ(clock.add(far, text_of({"a"}, false)), BucketClock::Place::ahead);
  EXPECT_EQ(clock.add(far, text_of({"a"}, false)), BucketClock::Place::ahead);
  EXPECT_EQ(clock.add(far, text_of({"a"}, false)), BucketClock::Place::counted);
}

TEST(BucketClockTest, GoesOnFromItsState) {
  BucketClock whole(hourly()), first(hourly());
  for (int64_t hour = 0; hour < 5; ++hour) {
    whole.add(hour * kHour, text_of({"a"}, hour % 2 == 0));
    first.add(hour * kHour, text_of({"a"}, hour % 2 == 0));
  }
  EXPECT_EQ(brief(whole.take_complete()), brief(first.take_complete()));
  BucketClock second(hourly());
  second.restore(nlohmann::json::parse(first.state().dump()));
  whole.add(40 * kHour, text_of({"a"}, true));
  second.add(40 * kHour, text_of({"a"}, true));
  EXPECT_EQ(brief(whole.take_rest()), brief(second.take_rest()));
}

TEST(BucketClockTest, TimesBefore1970) {
  BucketClock clock(hourly());
  clock.add(-1, text_of({"a"}, false));
  const auto buckets = clock.take_rest();
  ASSERT_EQ(buckets.size(), 1u);
  EXPECT_EQ(buckets[0].begin, -kHour);
}

}  // namespace
}  // namespace lockstep
