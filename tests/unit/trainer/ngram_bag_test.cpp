// Which n-grams share a row, what a text's set of them adds up to, and where the gradient goes.
#include "trainer/model/ngram_bag.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <set>

namespace lockstep {
namespace {

using torch::Tensor;
using Labels = std::vector<std::string>;

constexpr int64_t kManyRows = 1 << 20;

std::vector<int64_t> numbers(const Tensor& rows) {
  const Tensor flat = rows.contiguous().view(-1);
  return {flat.const_data_ptr<int64_t>(), flat.const_data_ptr<int64_t>() + flat.numel()};
}

Tensor column(const std::vector<int64_t>& symbols) {
  return torch::tensor(symbols, torch::kInt64).unsqueeze(1);
}

/// Rows of an only sequence: of single symbols, then of longer n-grams.
std::vector<int64_t> rows_of(const Labels& labels, const std::vector<int64_t>& symbols,
                             int64_t longest) {
  NgramBag bag(static_cast<int64_t>(labels.size()), labels, longest, kManyRows, 1);
  return numbers(bag->rows_of(column(symbols), {static_cast<int64_t>(symbols.size())}));
}

TEST(NgramBagTest, RowsFollowFromTheSymbolsAndTheirOrder) {
  const std::vector<int64_t> rows = rows_of({"a", "b", "c"}, {0, 1, 0, 1, 2}, 3);
  ASSERT_EQ(rows.size(), 15U);
  EXPECT_EQ(rows[0], rows[2]);                                // a
  EXPECT_EQ(rows[6], rows[8]);                                // ab
  EXPECT_NE(rows[6], rows[7]);                                // ab and ba
  for (const size_t i : {5, 10, 11}) EXPECT_EQ(rows[i], -1);  // nothing that long ends there
  // a, b, c, ab, ba, bc, aba, bab, abc, and -1 for none
  EXPECT_EQ(std::set<int64_t>(rows.begin(), rows.end()).size(), 10U);
}

TEST(NgramBagTest, RowsAreThoseOfTheLabelsInAnyVocabularyAndBatch) {
  EXPECT_EQ(rows_of({"x", "y"}, {0, 1, 1}, 3), rows_of({"w", "y", "x"}, {2, 1, 1}, 3));
  NgramBag bag(3, Labels{"a", "b", "c"}, 3, kManyRows, 2);
  {
    torch::NoGradGuard no_grad;
    bag->named_parameters()["weight"].normal_();
  }
  const Tensor symbols_TB = torch::tensor({0, 2, 1, 1, 2, -1, 0, -1}, torch::kInt64).view({4, 2});
  const Tensor together = bag->forward(symbols_TB, {4, 2});
  EXPECT_TRUE(torch::allclose(together[0], bag->forward(column({0, 1, 2, 0}), {4})[0]));
  EXPECT_TRUE(torch::allclose(together[1], bag->forward(column({2, 1}), {2})[0]));
}

TEST(NgramBagTest, AddsEachNgramOnceAndLearnsItsRowOnly) {
  constexpr int64_t kRows = 40, kOutputs = 2, kLongest = 3;
  NgramBag bag(4, Labels{}, kLongest, kRows, kOutputs);
  const std::vector<int64_t> symbols = {3, 0, 3, 0, 3, 2};
  const Tensor text = column(symbols);
  EXPECT_EQ(bag->forward(text, {6}).abs().sum().item<float>(), 0);  // nothing learned yet
  const auto parameters = bag->named_parameters();
  {
    torch::NoGradGuard no_grad;
    for (const auto& parameter : parameters) parameter.value().normal_();
  }
  std::set<int64_t> rows;
  for (const int64_t row : numbers(bag->rows_of(text, {6}))) {
    if (row >= 0) rows.insert(row);
  }
  Tensor wanted = torch::zeros({kOutputs}), uses = torch::zeros({kRows});
  const double scale = 1 / std::sqrt(static_cast<double>(rows.size()));
  for (const int64_t row : rows) {
    wanted = wanted + parameters["weight"][row] * scale;
    uses[row] = scale;
  }
  const Tensor answer = bag->forward(text, {6});
  EXPECT_TRUE(torch::allclose(answer[0], wanted + parameters["bias"]));
  answer.sum().backward();
  EXPECT_TRUE(
      torch::allclose(parameters["weight"].grad(), uses.unsqueeze(1).expand({kRows, kOutputs})));
  EXPECT_TRUE(torch::equal(parameters["bias"].grad(), torch::ones({kOutputs})));
}

}  // namespace
}  // namespace lockstep
