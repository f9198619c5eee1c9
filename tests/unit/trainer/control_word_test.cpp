#include "trainer/control_word.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace lockstep {
namespace {

/// What summing over ranks makes of each rank's word.
std::vector<float> summed(const ControlWord& layout, const std::vector<RankReport>& reports,
                          int stopping_rank) {
  std::vector<float> word(static_cast<size_t>(layout.size()), 0.0f);
  for (size_t rank = 0; rank < reports.size(); ++rank) {
    const int number = static_cast<int>(rank);
    std::vector<float> part(static_cast<size_t>(layout.size() - layout.task_sums()), 3.0f);
    layout.write(number, number == stopping_rank, reports[rank], part.data());
    for (int64_t i = 0; i < layout.task_sums(); ++i) word[static_cast<size_t>(i)] += 1.5f;
    for (size_t i = 0; i < part.size(); ++i) {
      word[static_cast<size_t>(layout.task_sums()) + i] += part[i];
    }
  }
  return word;
}

ControlWord::Reading read(const ControlWord& layout, const std::vector<float>& word) {
  ControlWord::Reading reading{{1, 2, 3, 4}, true, {{1, 1, 1, {7, 7, 7}}}};  // of another word
  layout.read(word.data(), reading);
  return reading;
}

TEST(ControlWordTest, GathersEveryRanksReportBySumming) {
  const ControlWord layout(3, 4);
  const std::vector<RankReport> reports = {
      {10, 2.5, 0}, {20, 0.5, 0xffffffff}, {0, 0, 0x12345678}, {7, 1e30, 65536}};
  const auto reading = read(layout, summed(layout, reports, 2));
  EXPECT_TRUE(reading.stop);
  EXPECT_EQ(reading.sums, (std::vector<double>{6, 6, 6}));
  ASSERT_EQ(reading.ranks.size(), 4u);
  for (size_t rank = 0; rank < 4; ++rank) {
    EXPECT_EQ(reading.ranks[rank].loss_targets, reports[rank].loss_targets);
    EXPECT_FLOAT_EQ(static_cast<float>(reading.ranks[rank].squared_norm),
                    static_cast<float>(reports[rank].squared_norm));
    EXPECT_EQ(reading.ranks[rank].fingerprint, reports[rank].fingerprint) << rank;
  }
  EXPECT_FALSE(read(layout, summed(layout, reports, -1)).stop);
}

TEST(ControlWordTest, CarriesNumbersOfRowsThatAFloatCannotHold) {
  const ControlWord layout(2, 2, 2);
  const std::vector<RankReport> reports = {{1, 1, 7, {0, 123456789}}, {1, 1, 7, {16777217, 1}}};
  const auto reading = read(layout, summed(layout, reports, -1));
  for (size_t rank = 0; rank < 2; ++rank) {
    EXPECT_EQ(reading.ranks[rank].rows, reports[rank].rows);
    EXPECT_EQ(reading.ranks[rank].fingerprint, 7u);
  }
}

TEST(DifferingRanks, AreTheMinority) {
  const auto with = [](std::vector<uint32_t> fingerprints) {
    std::vector<RankReport> ranks;
    for (const uint32_t f : fingerprints) ranks.push_back({1, 1, f});
    return differing_ranks(ranks);
  };
  EXPECT_EQ(with({5, 5, 5}), std::vector<int>{});
  EXPECT_EQ(with({5}), std::vector<int>{});
  EXPECT_EQ(with({5, 9, 5}), std::vector<int>{1});
  EXPECT_EQ(with({9, 5, 5, 5, 7}), (std::vector<int>{0, 4}));
  EXPECT_EQ(with({5, 9}), (std::vector<int>{0, 1})) << "of two, none can be blamed";
  EXPECT_EQ(with({5, 5, 9, 9}), (std::vector<int>{0, 1, 2, 3}));
}

TEST(GradientNoiseTest, EstimatesWhatTheGradientsWereDrawnFrom) {
  // Gradients of single targets: mean 2 in each of 10 dimensions, variance 3: |G|^2 = 40, trace 30.
  torch::manual_seed(5);
  GradientNoise mean;
  constexpr int kSteps = 400;
  for (int step = 0; step < kSteps; ++step) {
    std::vector<RankReport> ranks;
    torch::Tensor total = torch::zeros({10});
    for (const int targets : {8, 8, 6, 0}) {
      const torch::Tensor sum = (torch::randn({targets, 10}) * std::sqrt(3.0) + 2).sum(0);
      total += sum;
      ranks.push_back({static_cast<double>(targets), sum.square().sum().item<double>(), 0});
    }
    const auto noise = gradient_noise(ranks, total.square().sum().item<double>());
    mean.squared_gradient += noise.squared_gradient / kSteps;
    mean.covariance_trace += noise.covariance_trace / kSteps;
  }
  EXPECT_NEAR(mean.squared_gradient, 40, 2);
  EXPECT_NEAR(mean.covariance_trace, 30, 4);
}

TEST(GradientNoiseTest, IsZeroWhereItCannotBeTold) {
  EXPECT_EQ(gradient_noise({{10, 4, 0}}, 4).covariance_trace, 0);
  EXPECT_EQ(gradient_noise({{10, 4, 0}, {0, 0, 0}}, 4).squared_gradient, 0);
}

}  // namespace
}  // namespace lockstep
