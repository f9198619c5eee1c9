// Rankings with equal scores, overlap features, and losses that look at all ranks' answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <numeric>

#include "trainer/tasks/matching_loss.h"
#include "trainer/tasks/overlap_features.h"
#include "trainer/tasks/text_vectors.h"
#include "trainer/tasks/tied_ranking.h"

namespace lockstep {
namespace {

using torch::Tensor;

/// The mean over all orders of the answers that keep their scores in order.
RankingFigures mean_over_orders(const std::vector<float>& scores, const std::vector<bool>& right) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  RankingFigures sum;
  double orders = 0;
  do {
    if (!std::is_sorted(order.begin(), order.end(),
                        [&](size_t a, size_t b) { return scores[a] > scores[b]; })) {
      continue;
    }
    double precision = 0, found = 0, first = 0;
    for (size_t place = 0; place < order.size(); ++place) {
      if (!right[order[place]]) continue;
      found += 1;
      const auto rank = static_cast<double>(place + 1);
      if (first == 0) first = rank;
      precision += found / rank;
    }
    orders += 1;
    sum.average_precision += precision / found;
    sum.reciprocal_rank += 1 / first;
    sum.hit_at_1 += first <= 1 ? 1 : 0;
    sum.hit_at_5 += first <= 5 ? 1 : 0;
  } while (std::next_permutation(order.begin(), order.end()));
  return {sum.average_precision / orders, sum.reciprocal_rank / orders, sum.hit_at_1 / orders,
          sum.hit_at_5 / orders};
}

TEST(TiedRankingTest, IsTheMeanOverAllOrders) {
  const std::vector<std::pair<std::vector<float>, std::vector<bool>>> cases = {
      {{3, 2, 1}, {false, true, true}},
      {{1, 1, 1, 1}, {false, true, false, false}},
      {{2, 2, 1, 1, 1, 0}, {false, false, true, false, true, true}},
      {{1, 1, 1, 1, 1, 1, 1}, {true, false, false, true, false, false, true}},
      {{5, 4, 4, 3, 3, 3, 3}, {false, false, false, false, true, true, false}},
      {{1}, {true}},
  };
  for (const auto& [scores, right] : cases) {
    const RankingFigures got = rank_with_ties(scores, right);
    const RankingFigures want = mean_over_orders(scores, right);
    EXPECT_NEAR(got.average_precision, want.average_precision, 1e-12);
    EXPECT_NEAR(got.reciprocal_rank, want.reciprocal_rank, 1e-12);
    EXPECT_NEAR(got.hit_at_1, want.hit_at_1, 1e-12);
    EXPECT_NEAR(got.hit_at_5, want.hit_at_5, 1e-12);
  }
}

TEST(TiedRankingTest, NoNumberRanksLast) {
  EXPECT_EQ(rank_with_ties({NAN, 1}, {true, false}).reciprocal_rank, 0.5);
}

TEST(OverlapFeaturesTest, SharesOfTheQuestionsWeight) {
  // Question: three tokens of weights 1, 2 and 5. The second candidate holds the last two.
  const std::vector<MatchedAnswer> page = {{{1, 0, 1}, {1, 0, 1}}, {{0, 3}, {2, 3}}, {{0}, {0}}};
  const auto features = overlap_features({1, 2, 5}, page, false);
  ASSERT_EQ(features.size(), 3u * kOverlapFeatures);
  const auto row = [&](size_t i) {
    return features.begin() + static_cast<std::ptrdiff_t>(i) * kOverlapFeatures;
  };
  EXPECT_FLOAT_EQ(row(0)[0], 1 / 8.0F);
  EXPECT_FLOAT_EQ(row(1)[0], 5 / 8.0F);
  EXPECT_FLOAT_EQ(row(1)[1], 7 / 8.0F);
  EXPECT_FLOAT_EQ(row(2)[1], 0);
  EXPECT_FLOAT_EQ(row(1)[7], 1 / 3.0F);  // "second third" stands in the question
  EXPECT_FLOAT_EQ(row(1)[8], 1);         // the largest of the list
  EXPECT_FLOAT_EQ(row(0)[9], 1 / 8.0F - 7 / 8.0F);
  const auto placed = overlap_features({1, 2, 5}, page, true);
  ASSERT_EQ(placed.size(), 3u * (kOverlapFeatures + kPlaceFeatures));
  EXPECT_FLOAT_EQ(placed[kOverlapFeatures], 1);
  EXPECT_FLOAT_EQ(placed[2 * kOverlapFeatures + kPlaceFeatures], 0.5F);
}

CandidateLists lists_of(const std::vector<std::vector<bool>>& right,
                        const std::vector<float>& identity) {
  CandidateLists lists;
  lists.first.push_back(0);
  for (size_t b = 0; b < right.size(); ++b) {
    for (const bool one : right[b]) {
      lists.owners.push_back(static_cast<int64_t>(b));
      lists.right.push_back(one);
    }
    lists.first.push_back(lists.size());
  }
  lists.identity = identity;
  return lists;
}

TEST(ListLossTest, IsTheCrossEntropyOfEachList) {
  const CandidateLists lists = lists_of({{false, true}, {true, true, false}}, {1, 2, 3, 4, 5});
  const Tensor scores = torch::tensor({0.5F, 1.0F, 0.0F, 2.0F, 1.0F});
  const Tensor first = scores.narrow(0, 0, 2).log_softmax(0),
               second = scores.narrow(0, 2, 3).log_softmax(0);
  const Tensor want = -first[1] - (second[0] + second[1]) / 2;
  EXPECT_NEAR(list_loss(scores, lists).item<float>(), want.item<float>(), 1e-6);
}

TEST(CandidateLossTest, JudgesEachCandidateByItself) {
  const CandidateLists lists = lists_of({{false, true}, {false, false, false}}, {1, 2, 3, 4, 5});
  const Tensor scores = torch::tensor({0.5F, 1.0F, 0.0F, 2.0F, 1.0F});
  const Tensor wrong = -(-scores).sigmoid().log(), right = -scores.sigmoid().log();
  const Tensor want = (wrong[0] + right[1]) / 2 + (wrong[2] + wrong[3] + wrong[4]) / 3;
  EXPECT_NEAR(candidate_loss(scores, lists).item<float>(), want.item<float>(), 1e-6);
  EXPECT_NEAR(list_loss(scores, lists).item<float>(),
              (scores.narrow(0, 0, 2).logsumexp(0) - 1).item<float>(), 1e-6);
}

/// Questions 0, 1 | 2 with candidates (wrong, right), (right) | (right, right, wrong); the answer
/// of question 1 is the first right one of question 2.
TEST(BatchLossTest, RanksGradientsAddUpToTheWholeOne) {
  torch::manual_seed(3);
  const Tensor questions = torch::randn({3, 4}), answers = torch::randn({6, 4});
  const std::vector<float> identity = {1, 2, 3, 3, 5, 6};
  const auto alone = [](const Tensor& own) { return GatheredRows{own, 0}; };
  const Tensor whole_q = questions.clone().requires_grad_(),
               whole_a = answers.clone().requires_grad_();
  const BatchLoss whole = batch_loss(
      whole_q, whole_a, lists_of({{false, true}, {true}, {true, true, false}}, identity), alone);
  whole.all.backward();
  EXPECT_NEAR(whole.all.item<float>(), whole.own.item<float>(), 1e-6);

  // By hand, for question 1: its right answer is answer 2, answer 3 is the same text.
  const Tensor scores = questions[1].matmul(answers.t());
  Tensor kept = torch::stack({scores[2], scores[0], scores[1], scores[4], scores[5]});
  const Tensor by_hand = -kept.log_softmax(0)[0];
  const BatchLoss only = batch_loss(
      questions, answers,
      lists_of({{false, false}, {true}, {false, false, false}}, {1, 2, 3, 3, 5, 6}), alone);
  EXPECT_NEAR(only.all.item<float>(), by_hand.item<float>(), 1e-5);

  const std::vector<std::vector<std::vector<bool>>> right = {
      {{false, true}, {true}}, {{true, true, false}}, {}};
  const int64_t first_question[] = {0, 2, 3, 3}, first_answer[] = {0, 3, 6, 6};
  double own = 0;
  for (int rank = 0; rank < 3; ++rank) {
    const int64_t q0 = first_question[rank], q1 = first_question[rank + 1];
    const int64_t a0 = first_answer[rank], a1 = first_answer[rank + 1];
    const Tensor own_q = questions.narrow(0, q0, q1 - q0).clone().requires_grad_();
    const Tensor own_a = answers.narrow(0, a0, a1 - a0).clone().requires_grad_();
    // What other ranks bring: questions first, then answers with what is known of them.
    int call = 0;
    const auto gather = [&](const Tensor& rows) -> GatheredRows {
      if (call++ == 0) {
        EXPECT_EQ(rows.size(0), q1 - q0);
        return {questions, q0};
      }
      EXPECT_EQ(rows.size(0), a1 - a0);
      const Tensor facts = torch::tensor({0.0F, 0.0F, 1.0F, 0.0F, 1.0F, 2.0F, 1.0F, 1.0F, 3.0F,
                                          2.0F, 1.0F, 3.0F, 2.0F, 1.0F, 5.0F, 2.0F, 0.0F, 6.0F})
                               .view({6, 3});
      if (rows.size(0) > 0) {
        EXPECT_TRUE(rows.narrow(1, 4, 3).equal(facts.narrow(0, a0, a1 - a0)));
      }
      return {torch::cat({answers, facts}, 1), a0};
    };
    const auto cut = std::vector<float>(identity.begin() + a0, identity.begin() + a1);
    const BatchLoss part =
        batch_loss(own_q, own_a, lists_of(right[static_cast<size_t>(rank)], cut), gather);
    if (rank == 2) {
      EXPECT_FALSE(part.all.defined());
      continue;
    }
    EXPECT_NEAR(part.all.item<float>(), whole.all.item<float>(), 1e-5);
    own += part.own.item<double>();
    part.all.backward();
    EXPECT_TRUE(torch::allclose(own_q.grad(), whole_q.grad().narrow(0, q0, q1 - q0), 1e-4, 1e-6));
    EXPECT_TRUE(torch::allclose(own_a.grad(), whole_a.grad().narrow(0, a0, a1 - a0), 1e-4, 1e-6));
  }
  EXPECT_NEAR(own, whole.all.item<double>(), 1e-5);
}

/// Length and sum of a text, and how many texts were read.
struct CountingEncoder {
  int64_t texts = 0;
  TextEncoder encoder() {
    const auto encode = [this](const Tensor& symbols_TN, const Lengths& lengths) {
      texts += symbols_TN.size(1);
      const Tensor sums = symbols_TN.clamp_min(0).sum(0).to(torch::kFloat32);
      return torch::stack({torch::tensor(lengths).to(torch::kFloat32), sums}, 1);
    };
    return {encode, 2, torch::kCPU};
  }
};

DistinctTexts many_texts(int64_t count) {
  DistinctTexts texts;
  for (int64_t i = 0; i < count; ++i) {
    TextSymbolNumbers text(static_cast<size_t>(1 + i * 7 % 13), 1);
    text.back() = i;
    EXPECT_EQ(texts.add(text), i);
    EXPECT_EQ(texts.add(text), i);
    EXPECT_EQ(texts.find(text), i);
  }
  EXPECT_EQ(texts.find({-5}), -1);
  return texts;
}

TEST(TextVectorsTest, EachDifferentTextIsEncodedOnceAndStaysInItsPlace) {
  const DistinctTexts texts = many_texts(700);
  CountingEncoder alone;
  const Tensor vectors_NO = encode_texts(texts.all(), alone.encoder());
  EXPECT_EQ(alone.texts, 700);
  for (int64_t i = 0; i < 700; ++i) {
    const auto length = static_cast<float>(1 + i * 7 % 13);
    EXPECT_EQ(vectors_NO[i][0].item<float>(), length);
    EXPECT_EQ(vectors_NO[i][1].item<float>(), length - 1 + static_cast<float>(i));
  }
  EXPECT_EQ(encode_texts({}, alone.encoder()).sizes(), (std::vector<int64_t>{0, 2}));
}

TEST(TextVectorsTest, RanksShareTheWork) {
  const DistinctTexts texts = many_texts(700);
  CountingEncoder alone;
  const Tensor want = encode_texts(texts.all(), alone.encoder());
  for (const int world_size : {2, 5}) {
    std::vector<Tensor> rows(static_cast<size_t>(world_size));
    int64_t encoded = 0;
    for (const bool all_are_there : {false, true}) {
      for (int rank = 0; rank < world_size; ++rank) {
        CountingEncoder own;
        const auto gather = [&](const Tensor& own_NF) -> GatheredRows {
          rows[static_cast<size_t>(rank)] = own_NF;
          return {all_are_there ? torch::cat(rows) : torch::zeros_like(want), 0};
        };
        const Tensor got = encode_texts(texts.all(), own.encoder(), {rank, world_size, gather});
        encoded += own.texts;
        if (all_are_there) {
          EXPECT_TRUE(torch::equal(got, want));
        }
      }
    }
    EXPECT_EQ(encoded, 2 * 700);
  }
}

}  // namespace
}  // namespace lockstep
