#include "trainer/opinion_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/base/error.h"

namespace lockstep {
namespace {

LabelProbabilities answers_of(std::vector<std::string> labels, std::vector<float> p) {
  const auto count = static_cast<int64_t>(labels.size());
  return {"mood", std::move(labels), true, torch::tensor(p).reshape({-1, count})};
}

TEST(OpinionReaderTest, MeansAreOfLabelsWhateverTheirOrder) {
  LabelProbabilities mean = answers_of({"bad", "good", "so"}, {0, 0, 0, 0, 0, 0});
  add_share_of(answers_of({"bad", "good", "so"}, {1, 0, 0, 0.5F, 0.25F, 0.25F}), "a", 2, mean);
  add_share_of(answers_of({"so", "bad", "good"}, {0.5F, 0.25F, 0.25F, 1, 0, 0}), "b", 2, mean);
  const torch::Tensor expected =
      torch::tensor({0.625F, 0.125F, 0.25F, 0.25F, 0.125F, 0.625F}).reshape({2, 3});
  EXPECT_TRUE(torch::equal(mean.p_BC, expected)) << mean.p_BC;
}

TEST(OpinionReaderTest, OtherLabelsHaveNoMean) {
  const LabelProbabilities mean = answers_of({"bad", "good"}, {0, 0});
  const auto refused = [&](const LabelProbabilities& other) {
    LabelProbabilities copy = mean;
    try {
      add_share_of(other, "runs/b", 2, copy);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(refused(answers_of({"bad", "fine"}, {0, 1})),
              ::testing::HasSubstr("runs/b: its labels (bad, fine) are not those"));
  EXPECT_NE(refused(answers_of({"bad", "good", "so"}, {0, 1, 0})), "");
  LabelProbabilities sets = answers_of({"bad", "good"}, {0, 1});
  sets.exclusive = false;
  EXPECT_NE(refused(sets), "");
}

}  // namespace
}  // namespace lockstep
