// Which record becomes part of which split, against plans worked out by hand.
#include "data/import/split_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/unit/base/temp_folder.h"

namespace lockstep {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using testing::expect_error;

std::vector<int64_t> counts(const std::vector<uint8_t>& splits) {
  std::vector<int64_t> sizes(3);
  for (const uint8_t split : splits) ++sizes.at(split);
  return sizes;
}

TEST(SplitPlanTest, PositionRoundsByLargestRemainders) {
  EXPECT_THAT(plan_split({{0.8, 0.1, 0.1}, SplitBy::position}, 10, {}),
              ElementsAre(0, 0, 0, 0, 0, 0, 0, 0, 1, 2));
  // 3.5, 1.75 and 1.75: the two records left after rounding down go to the later parts.
  EXPECT_THAT(plan_split({{0.5, 0.25, 0.25}, SplitBy::position}, 7, {}),
              ElementsAre(0, 0, 0, 1, 1, 2, 2));
  EXPECT_THAT(plan_split({{0.5, 0, 0.5}, SplitBy::position}, 3, {}), ElementsAre(0, 0, 2));
  EXPECT_TRUE(plan_split({{1, 0, 0}, SplitBy::position}, 0, {}).empty());
}

TEST(SplitPlanTest, RandomKeepsTheSharesAndDependsOnTheSeedAlone) {
  const auto plan = [](uint64_t seed) {
    return plan_split({{0.8, 0.1, 0.1}, SplitBy::random, seed}, 1000, {});
  };
  EXPECT_THAT(counts(plan(1)), ElementsAre(800, 100, 100));
  EXPECT_EQ(plan(1), plan(1));
  EXPECT_NE(plan(1), plan(2));
  const std::vector<uint8_t> first = plan(1);
  const auto held_out =
      std::count_if(first.begin(), first.begin() + 500, [](uint8_t split) { return split != 0; });
  EXPECT_NEAR(static_cast<double>(held_out), 100, 30) << "of both halves alike";
}

TEST(SplitPlanTest, ALabelOfOneRecordIsTrainedOn) {
  std::vector<int64_t> labels(30);
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int64_t>(i);
  EXPECT_THAT(plan_split({{0.8, 0.1, 0.1}, SplitBy::label}, 30, labels), Each(0));
}

TEST(SplitPlanTest, SmallLabelsFavourNoHeldOutSplit) {
  std::vector<int64_t> labels;
  for (int64_t label = 0; label < 200; ++label) labels.insert(labels.end(), 4, label);
  const auto sizes = counts(plan_split({{0.8, 0.1, 0.1}, SplitBy::label}, 800, labels));
  EXPECT_EQ(sizes[0], 600) << "3.2 of 4 records";
  EXPECT_NEAR(static_cast<double>(sizes[1]), 100, 35) << "0.4 of 4, or";
}

TEST(SplitPlanTest, GroupsStayWhole) {
  std::vector<int64_t> speakers;
  for (int64_t i = 0; i < 300; ++i) speakers.push_back(i % 6);
  const auto splits = plan_split({{0.8, 0.1, 0.1}, SplitBy::group}, 300, speakers);
  EXPECT_THAT(counts(splits), ElementsAre(200, 50, 50));
  for (size_t i = 6; i < splits.size(); ++i) EXPECT_EQ(splits[i], splits[i - 6]);
  std::set<std::vector<uint8_t>> plans;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    plans.insert(plan_split({{0.8, 0.1, 0.1}, SplitBy::group, seed}, 300, speakers));
  }
  EXPECT_GT(plans.size(), 3U);
}

TEST(SplitPlanTest, GroupsOfUnlikeSizeComeNearTheShares) {
  std::vector<int64_t> users;
  for (int64_t user = 0; user < 300; ++user) {
    users.insert(users.end(), static_cast<size_t>(1 + user % 17), user);
  }
  const auto sizes = counts(plan_split({{0.7, 0.2, 0.1}, SplitBy::group}, users.size(), users));
  const auto total = static_cast<double>(users.size());
  EXPECT_NEAR(static_cast<double>(sizes[0]), 0.7 * total, 17);
  EXPECT_NEAR(static_cast<double>(sizes[2]), 0.1 * total, 17);
}

TEST(SplitPlanTest, TimesThatAreEqualStayTogether) {
  EXPECT_THAT(plan_split({{0.5, 0, 0.5}, SplitBy::time}, 6, {2, 1, 2, 2, 3, 4}),
              ElementsAre(0, 0, 0, 0, 2, 2));
  EXPECT_THAT(plan_split({{0.5, 0.25, 0.25}, SplitBy::time}, 4, {-9, 30, -10, 20}),
              ElementsAre(0, 2, 0, 1));
}

TEST(SplitPlanTest, SharesThatAreNoneAreRefused) {
  for (const std::vector<double>& split : std::vector<std::vector<double>>{
           {0.5, 0.5}, {0.5, 0.5, 0.5}, {1.5, -0.5, 0}, {0, 0.5, 0.5}, {}}) {
    expect_error(ExitCode::usage, "add up to 1", [&] { shares_of(split); });
  }
}

TEST(SplitPlanTest, SourcesOrFilesButNotBoth) {
  expect_error(ExitCode::usage, "nothing to import", [] { find_sources({}, {}); });
  expect_error(ExitCode::usage, "either", [] { find_sources({"a"}, {"b", "", ""}); });
  const auto files = find_sources({}, {"a", "", "c"});
  EXPECT_EQ(name_sources(files), "train from a, test from c");
  EXPECT_THAT(wanted_splits(files, {0.8, 0.1, 0.1}), ElementsAre(0, 2));
  EXPECT_THAT(wanted_splits(find_sources({"a", "b"}, {}), {0.8, 0.2, 0}), ElementsAre(0, 1));
}

}  // namespace
}  // namespace lockstep
