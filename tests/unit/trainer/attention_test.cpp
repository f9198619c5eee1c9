// Attention: weights, padding, and the gradient by differences.
#include "trainer/model/attention.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "tests/unit/trainer/finite_differences.h"

namespace lockstep {
namespace {

using torch::Tensor;

TEST(AttentionTest, PaddingGetsNoWeightAndChangesNothing) {
  for (const char* kind : {"additive", "multiplicative"}) {
    torch::manual_seed(3);
    Attention attention(kind, 4, 6);
    const Tensor y_TBM = torch::randn({5, 2, 6}), query_BQH = torch::randn({2, 3, 4});
    const auto output = attention->forward(query_BQH, attention->prepare(y_TBM, {5, 2}));
    EXPECT_TRUE(torch::allclose(output.weights_BQT.sum(2), torch::ones({2, 3}))) << kind;
    EXPECT_EQ(output.weights_BQT[1].narrow(1, 2, 3).abs().max().item<float>(), 0) << kind;
    const Tensor alone = y_TBM.narrow(0, 0, 2).narrow(1, 1, 1);
    const auto want = attention->forward(query_BQH.narrow(0, 1, 1), attention->prepare(alone, {2}));
    EXPECT_TRUE(torch::allclose(output.context_BQM[1], want.context_BQM[0], 1e-5, 1e-6)) << kind;
  }
}

TEST(AttentionTest, SelectKeepsTheSequencesAskedFor) {
  Attention attention("multiplicative", 4, 6);
  const AttentionMemory memory = attention->prepare(torch::randn({5, 3, 6}), {5, 2, 4});
  const AttentionMemory part = memory.select(torch::tensor({2, 0}));
  EXPECT_EQ(part.size(), 2);
  EXPECT_TRUE(torch::equal(part.values_BTM[0], memory.values_BTM[2]));
  EXPECT_TRUE(torch::equal(part.padding_B1T[1], memory.padding_B1T[0]));
}

TEST(AttentionTest, GradientsArriveEverywhere) {
  for (const char* kind : {"additive", "multiplicative"}) {
    torch::manual_seed(5);
    Attention attention(kind, 3, 4);
    attention->to(torch::kFloat64);
    const Tensor y = torch::randn({4, 2, 4}, torch::kFloat64).set_requires_grad(true);
    const Tensor query = torch::randn({2, 2, 3}, torch::kFloat64).set_requires_grad(true);
    const auto loss = [&] {
      return attention->forward(query, attention->prepare(y, {4, 3})).context_BQM.pow(2).sum();
    };
    std::vector<Tensor> inputs = attention->parameters();
    inputs.insert(inputs.end(), {y, query});
    testing::expect_gradients_by_differences(loss, inputs, kind);
  }
}

}  // namespace
}  // namespace lockstep
