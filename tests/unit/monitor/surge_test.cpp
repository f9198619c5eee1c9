#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "trainer/monitor/alert_gate.h"
#include "trainer/monitor/calibration.h"
#include "trainer/monitor/topic_trends.h"

namespace lockstep {
namespace {

SurgeConfig two_buckets() {
  SurgeConfig config;
  config.window = {2};
  config.season = 3;
  config.history = 4;
  config.warm_up = 3;
  config.threshold = 5;
  config.cool_down = 10;
  config.least = 5;
  config.most_alerts = 2;
  return config;
}

/// Of a model that is sure.
TopicCount negative_texts(int64_t texts, int64_t negative) {
  return {texts, negative, static_cast<double>(negative)};
}

TimeBucket bucket_of(int64_t slot, std::map<std::string, TopicCount> topics, int64_t texts = 100) {
  return {slot, slot * 3600 * 1000, {texts, std::move(topics)}};
}

TEST(TopicTrendsTest, ComparesWindowsThatLieWholeSeasonsApart) {
  TopicTrends trends(two_buckets());
  std::vector<TrendPoint> last;
  // Every third bucket is busy: only a comparison with the same place in the season is calm.
  for (int64_t slot = 0; slot < 12; ++slot) {
    last = trends.add(bucket_of(slot, {{"a", negative_texts(20, slot % 3 == 0 ? 9 : 1)}}));
  }
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(last[0].texts, 40);
  EXPECT_EQ(last[0].negative, 2);
  EXPECT_EQ(last[0].past, 3);
  EXPECT_TRUE(last[0].judged);
  EXPECT_EQ(last[0].expected, 2);
  EXPECT_EQ(last[0].score, 0);
  EXPECT_EQ(last[0].end, 12 * 3600 * 1000);
  last = trends.add(bucket_of(12, {{"a", negative_texts(20, 9)}}));
  EXPECT_EQ(last[0].expected, 10);
  EXPECT_EQ(last[0].score, 0);
}

TEST(TopicTrendsTest, ATopicThatComesLaterHadNoneBefore) {
  TopicTrends trends(two_buckets());
  for (int64_t slot = 0; slot < 20; ++slot)
    trends.add(bucket_of(slot, {{"a", negative_texts(5, 1)}}));
  const auto points = trends.add(bucket_of(20, {{"b", negative_texts(9, 9)}}));
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[1].topic, "b");
  EXPECT_EQ(points[1].expected, 0);
  EXPECT_DOUBLE_EQ(points[1].score, 9 / std::sqrt(2));
}

/// A sudden surge stands out most in a short window, a slow one only adds up in a long one.
TEST(TopicTrendsTest, OfSeveralWindowsTheMostUnusualCounts) {
  SurgeConfig config = two_buckets();
  config.season = 6;
  const auto last_of = [&](std::vector<int64_t> lengths, int64_t burst, int64_t since) {
    config.window = std::move(lengths);
    TopicTrends trends(config);
    TrendPoint last;
    for (int64_t slot = 0; slot < 30; ++slot) {
      const int64_t negative = slot < since ? 2 : burst;
      last = trends.add(bucket_of(slot, {{"a", negative_texts(20, negative)}}))[0];
    }
    return last;
  };
  const TrendPoint sudden = last_of({1, 6}, 10, 29), steady = last_of({6, 1}, 5, 24);
  EXPECT_EQ(sudden.end - sudden.begin, 1 * 3600 * 1000);
  EXPECT_EQ(sudden.evidence, 10);
  EXPECT_EQ(sudden.score, last_of({1}, 10, 29).score);
  EXPECT_GT(sudden.score, last_of({6}, 10, 29).score);
  EXPECT_EQ(steady.end - steady.begin, 6 * 3600 * 1000);
  EXPECT_EQ(steady.evidence, 30);
  EXPECT_EQ(steady.score, last_of({6}, 5, 24).score);
  EXPECT_GT(steady.score, last_of({1}, 5, 24).score);
  EXPECT_EQ(steady.end, sudden.end);
}

/// The last hour before a holiday is not told again as part of the first one behind it.
TEST(TopicTrendsTest, AWindowDoesNotReachBackOverASilence) {
  TopicTrends trends(two_buckets()), continued(two_buckets());
  for (int64_t slot = 0; slot < 20; ++slot) {
    trends.add(bucket_of(slot, {{"a", negative_texts(20, slot == 19 ? 20 : 1)}}));
  }
  continued.restore(nlohmann::json::parse(trends.state().dump()));
  TimeBucket after = bucket_of(20, {{"a", negative_texts(10, 1)}});
  after.begin += int64_t{30} * 24 * 3600 * 1000;
  const TrendPoint first = trends.add(after)[0];
  EXPECT_EQ(first.texts, 10);
  EXPECT_EQ(first.evidence, 1);
  EXPECT_EQ(first.expected, 1);
  EXPECT_EQ(first.end - first.begin, 2 * 3600 * 1000);
  EXPECT_EQ(continued.add(after)[0].evidence, 1);
  TimeBucket next = bucket_of(21, {{"a", negative_texts(10, 2)}});
  next.begin = after.begin + 3600 * 1000;
  EXPECT_EQ(trends.add(next)[0].evidence, 3);
}

TEST(TopicTrendsTest, GoesOnFromItsState) {
  TopicTrends whole(two_buckets()), first(two_buckets());
  for (int64_t slot = 0; slot < 15; ++slot) {
    const TimeBucket bucket = bucket_of(slot, {{"a", negative_texts(7, slot % 4)}});
    whole.add(bucket);
    first.add(bucket);
  }
  TopicTrends second(two_buckets());
  second.restore(nlohmann::json::parse(first.state().dump()));
  const TimeBucket next = bucket_of(15, {{"a", negative_texts(7, 7)}});
  EXPECT_EQ(whole.add(next)[0].score, second.add(next)[0].score);
  EXPECT_EQ(whole.state(), second.state());
}

TrendPoint point_of(const std::string& topic, int64_t slot, double score, double evidence = 50) {
  TrendPoint point;
  point.topic = topic;
  point.slot = slot;
  point.end = slot * 3600 * 1000;
  point.score = score;
  point.evidence = evidence;
  point.judged = true;
  return point;
}

TEST(AlertGateTest, OneAlertForASurgeHoweverLong) {
  AlertGate gate(two_buckets());
  EXPECT_EQ(gate.judge(point_of("a", 1, 4.9)), AlertVerdict::calm);
  EXPECT_EQ(gate.judge(point_of("a", 2, 5)), AlertVerdict::alert);
  for (int64_t slot = 3; slot < 40; ++slot) {
    EXPECT_EQ(gate.judge(point_of("a", slot, slot % 2 == 0 ? 9 : 3)), AlertVerdict::calm);
  }
  EXPECT_EQ(gate.judge(point_of("a", 40, 1)), AlertVerdict::calm);  // released
  EXPECT_EQ(gate.judge(point_of("a", 41, 6)), AlertVerdict::alert);
}

TEST(AlertGateTest, CoolsDown) {
  AlertGate gate(two_buckets());
  EXPECT_EQ(gate.judge(point_of("a", 1, 6)), AlertVerdict::alert);
  EXPECT_EQ(gate.judge(point_of("a", 2, 0)), AlertVerdict::calm);
  EXPECT_EQ(gate.judge(point_of("a", 3, 6)), AlertVerdict::calm);
  EXPECT_EQ(gate.judge(point_of("a", 11, 0)), AlertVerdict::calm);
  EXPECT_EQ(gate.judge(point_of("a", 12, 6)), AlertVerdict::alert);
}

TEST(AlertGateTest, TellsASurgeAgainThatHasDoubled) {
  AlertGate gate(two_buckets());
  EXPECT_EQ(gate.judge(point_of("a", 1, 6)), AlertVerdict::alert);
  EXPECT_EQ(gate.judge(point_of("a", 2, 13)), AlertVerdict::calm);  // not yet a window later
  EXPECT_EQ(gate.judge(point_of("a", 3, 11.9)), AlertVerdict::calm);
  EXPECT_EQ(gate.judge(point_of("a", 4, 12)), AlertVerdict::alert);
  EXPECT_EQ(gate.judge(point_of("a", 6, 23)), AlertVerdict::calm);     // twice the newer one
  EXPECT_EQ(gate.judge(point_of("a", 7, 24, 4)), AlertVerdict::calm);  // of little evidence
  SurgeConfig never = two_buckets();
  never.growth = 0;
  AlertGate deaf(never);
  EXPECT_EQ(deaf.judge(point_of("a", 1, 6)), AlertVerdict::alert);
  EXPECT_EQ(deaf.judge(point_of("a", 9, 600)), AlertVerdict::calm);
}

/// After a silence slots go on where they were, time does not.
TEST(AlertGateTest, CoolsDownWhileNothingIsSaid) {
  AlertGate gate(two_buckets());
  EXPECT_EQ(gate.judge(point_of("a", 1, 6)), AlertVerdict::alert);
  TrendPoint later = point_of("a", 2, 0);
  later.end += int64_t{30} * 24 * 3600 * 1000;
  EXPECT_EQ(gate.judge(later), AlertVerdict::calm);
  later.score = 6;
  EXPECT_EQ(gate.judge(later), AlertVerdict::alert);
}

TEST(AlertGateTest, NoStorm) {
  AlertGate gate(two_buckets());
  EXPECT_EQ(gate.judge(point_of("a", 1, 6)), AlertVerdict::alert);
  EXPECT_EQ(gate.judge(point_of("b", 1, 6)), AlertVerdict::alert);
  EXPECT_EQ(gate.judge(point_of("c", 2, 60)), AlertVerdict::held_back);
  EXPECT_EQ(gate.judge(point_of("d", 11, 6)), AlertVerdict::alert);
}

TEST(AlertGateTest, LittleEvidenceAndUnjudgedWindowsAreCalm) {
  AlertGate gate(two_buckets());
  EXPECT_EQ(gate.judge(point_of("a", 1, 9, 4)), AlertVerdict::calm);
  TrendPoint unjudged = point_of("a", 2, 9);
  unjudged.judged = false;
  EXPECT_EQ(gate.judge(unjudged), AlertVerdict::calm);
}

TEST(AlertGateTest, GoesOnFromItsState) {
  AlertGate first(two_buckets()), second(two_buckets());
  first.judge(point_of("a", 1, 6));
  second.restore(nlohmann::json::parse(first.state().dump()));
  EXPECT_EQ(second.judge(point_of("a", 2, 9)), AlertVerdict::calm);
  EXPECT_EQ(second.judge(point_of("b", 2, 9)), AlertVerdict::alert);
  EXPECT_EQ(second.judge(point_of("c", 2, 9)), AlertVerdict::held_back);
}

/// States of format version 2 have an alert's time alone.
TEST(AlertGateTest, GoesOnFromAnOlderState) {
  AlertGate gate(two_buckets());
  gate.restore({{"alerting", {{"a", 1 * 3600 * 1000}}}, {"alerts", {1 * 3600 * 1000}}});
  EXPECT_EQ(gate.judge(point_of("a", 9, 600)), AlertVerdict::calm);
  EXPECT_EQ(gate.judge(point_of("a", 11, 0)), AlertVerdict::calm);
  EXPECT_EQ(gate.judge(point_of("a", 12, 6)), AlertVerdict::alert);
}

TEST(CalibrationTest, AsManyAlertsAsAllowedAndNotOneMore) {
  SurgeConfig config = two_buckets();
  config.cool_down = 0;
  config.most_alerts = 1000;
  std::mt19937 random(5);
  std::normal_distribution<double> normal(0, 3);
  std::vector<TrendPoint> points;
  for (int64_t slot = 0; slot < 60 * 24; ++slot) {  // two months
    points.push_back(point_of("a", slot, normal(random)));
  }
  const Calibration result = calibrate(config, points, 3);
  EXPECT_DOUBLE_EQ(result.months, 2);
  for (const auto& [threshold, alerts] : result.tried) {
    if (threshold >= result.threshold) {
      EXPECT_LE(alerts, 6);
    } else if (threshold >= result.threshold - 0.25) {
      EXPECT_GT(alerts, 6);
    }
  }
  EXPECT_FALSE(result.extrapolated);
  EXPECT_EQ(calibrate(config, {}, 1).months, 0);
}

/// Ten topics whose scores have an exponential tail, calibrated on half a month each, then seen for
/// three months: about one alert a month, where the largest score of the past would be luck.
TEST(CalibrationTest, AShortPastGivesAThresholdByItsTail) {
  SurgeConfig config = two_buckets();
  config.cool_down = 0;
  config.most_alerts = 1000;
  std::mt19937 random(8);
  std::exponential_distribution<double> tail(1);
  const auto points_of = [&](int64_t days) {
    std::vector<TrendPoint> points;
    for (int64_t slot = 0; slot < days * 24; ++slot) {
      for (char topic = 'a'; topic < 'k'; ++topic) {
        points.push_back(point_of({topic}, slot, tail(random) - 1));
      }
    }
    return points;
  };
  double alerts = 0;
  for (int past = 0; past < 12; ++past) {
    const Calibration result = calibrate(config, points_of(15), 1);
    EXPECT_TRUE(result.extrapolated);
    EXPECT_DOUBLE_EQ(result.months, 0.5);
    AlertGate gate([&] {
      config.threshold = result.threshold;
      return config;
    }());
    for (const TrendPoint& point : points_of(90))
      alerts += gate.judge(point) == AlertVerdict::alert;
  }
  const double a_month = alerts / 12 / 3;
  EXPECT_GT(a_month, 0.3);
  EXPECT_LT(a_month, 2.5);
}

}  // namespace
}  // namespace lockstep
