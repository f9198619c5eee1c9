#include "trainer/tasks/score_histogram.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lockstep {
namespace {

double area_of(const torch::Tensor& scores_N, const torch::Tensor& positive_N) {
  const torch::Tensor counts =
      ScoreHistogram("own", -6, 6).count(scores_N, positive_N).to(torch::kFloat64);
  return ScoreHistogram::area(counts.const_data_ptr<double>());
}

TEST(ScoreHistogramTest, AreaIsTheShareOfPairsInOrder) {
  const torch::Tensor positive_N = torch::tensor({0, 0, 1, 1, 1}, torch::kInt64);
  EXPECT_EQ(area_of(torch::tensor({-2.0, -1.0, 0.0, 1.0, 2.0}), positive_N), 1);
  EXPECT_EQ(area_of(torch::tensor({2.0, 1.0, 0.0, -1.0, -2.0}), positive_N), 0);
  EXPECT_EQ(area_of(torch::tensor({1.0, 1.0, 1.0, 1.0, 1.0}), positive_N), 0.5);
  EXPECT_DOUBLE_EQ(area_of(torch::tensor({0.0, 3.0, 1.0, 2.0, 4.0}), positive_N), 4.0 / 6);
  EXPECT_EQ(area_of(torch::tensor({-90.0, -6.0, 6.0, 70.0, 80.0}), positive_N), 1);
  EXPECT_TRUE(std::isnan(area_of(torch::tensor({1.0}), torch::tensor({1}, torch::kInt64))));
}

TEST(ScoreHistogramTest, CountsOfPartsAddUp) {
  torch::manual_seed(3);
  const torch::Tensor scores_N = torch::randn({1000}),
                      positive_N = torch::randint(0, 2, {1000}, torch::kInt64);
  const ScoreHistogram histogram("own", -6, 6);
  const torch::Tensor parts =
      histogram.count(scores_N.narrow(0, 0, 300), positive_N.narrow(0, 0, 300)) +
      histogram.count(scores_N.narrow(0, 300, 700), positive_N.narrow(0, 300, 700));
  EXPECT_TRUE(torch::equal(parts, histogram.count(scores_N, positive_N)));
  std::vector<std::string> names;
  histogram.add_names(names);
  EXPECT_EQ(static_cast<int64_t>(names.size()), ScoreHistogram::kSize);
}

}  // namespace
}  // namespace lockstep
