#include <gtest/gtest.h>

#include <cmath>

#include "trainer/monitor/robust.h"

namespace lockstep {
namespace {

TEST(RobustTest, MedianOfOddAndEvenNumbers) {
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(median({3}), 3);
  EXPECT_EQ(median({9, 1, 4}), 4);
  EXPECT_EQ(median({9, 1, 4, 2}), 3);
}

TEST(RobustTest, OneStrangeValueMovesNothing) {
  const RobustBaseline plain = baseline_of({4, 5, 6, 5, 4, 6, 5});
  const RobustBaseline strange = baseline_of({4, 5, 6, 5, 4, 6, 500});
  EXPECT_EQ(plain.median, strange.median);
  EXPECT_DOUBLE_EQ(plain.spread, 1.4826);
  EXPECT_DOUBLE_EQ(strange.spread, 1.4826);
}

TEST(SurgeScoreTest, CountsPoissonDeviationsAboveTheMedian) {
  const std::vector<WindowCounts> past(7, {16, 100});
  EXPECT_EQ(surge_score({16, 100}, past).expected, 16);
  EXPECT_DOUBLE_EQ(surge_score({16, 100}, past).score, 0);
  EXPECT_DOUBLE_EQ(surge_score({36, 100}, past).score, 5);
  EXPECT_DOUBLE_EQ(surge_score({8, 100}, past).score, -2);
}

TEST(SurgeScoreTest, SpreadOfThePastCounts) {
  std::vector<WindowCounts> past;
  for (const double evidence : {10, 20, 30, 40, 50, 60, 70}) past.push_back({evidence, 200});
  const SurgeScore score = surge_score({100, 200}, past);
  EXPECT_DOUBLE_EQ(score.expected, 40);
  EXPECT_DOUBLE_EQ(score.score, 60 / (1.4826 * 20));
}

TEST(SurgeScoreTest, AQuietTopicNeedsMoreThanOneText) {
  const std::vector<WindowCounts> past(9, {0, 50});
  EXPECT_DOUBLE_EQ(surge_score({1, 50}, past).score, 1 / std::sqrt(2));
  EXPECT_DOUBLE_EQ(surge_score({6.5, 50}, past).score, 6.5 / std::sqrt(2));
}

TEST(SurgeScoreTest, TwiceAsManyTextsOfAllKindsAreNoSurge) {
  const std::vector<WindowCounts> past(7, {16, 100});
  EXPECT_DOUBLE_EQ(surge_score({64, 400}, past).score, 0);
  EXPECT_DOUBLE_EQ(surge_score({64, 100}, past).score, 12);
}

TEST(SurgeScoreTest, WindowsWithoutTextsHaveNoShare) {
  const std::vector<WindowCounts> past = {{0, 0}, {4, 40}, {0, 0}, {4, 40}, {4, 40}};
  EXPECT_EQ(surge_score({0, 0}, past).expected, 0);
  EXPECT_DOUBLE_EQ(surge_score({4, 40}, past).score, 0);
}

}  // namespace
}  // namespace lockstep
