// The output layers and pooling that a config can choose, against LibTorch and by hand.
#include "trainer/model/adaptive_softmax.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "data/batch.h"
#include "tests/unit/trainer/finite_differences.h"
#include "trainer/model/attention_pooling.h"
#include "trainer/model/lstm_stack.h"

namespace lockstep {
namespace {

using torch::Tensor;

TEST(AdaptiveSoftmaxTest, EqualsPyTorchs) {
  torch::manual_seed(7);
  AdaptiveSoftmax ours(32, 50, std::vector<int64_t>{10, 25});
  torch::nn::AdaptiveLogSoftmaxWithLoss theirs(
      torch::nn::AdaptiveLogSoftmaxWithLossOptions(32, 50, {10, 25}));
  {
    torch::NoGradGuard no_grad;
    const auto from = ours->named_parameters();
    auto to = theirs->named_parameters();
    to["head.weight"].copy_(from["head_weight"]);
    to["tail.0.0.weight"].copy_(from["tail_0_projection"]);
    to["tail.0.1.weight"].copy_(from["tail_0_weight"]);
    to["tail.1.0.weight"].copy_(from["tail_1_projection"]);
    to["tail.1.1.weight"].copy_(from["tail_1_weight"]);
  }
  const Tensor hidden = torch::randn({40, 32}).set_requires_grad(true);
  const Tensor targets = torch::randint(50, {40}, torch::kInt64);
  const Tensor got = ours->loss(hidden, targets);
  const Tensor want = -theirs->forward(hidden, targets).output.sum();
  EXPECT_NEAR(got.item<double>(), want.item<double>(), 1e-3);
  EXPECT_TRUE(torch::allclose(torch::autograd::grad({got}, {hidden})[0],
                              torch::autograd::grad({want}, {hidden})[0], 1e-4, 1e-5));
  EXPECT_TRUE(
      torch::allclose(ours->log_probabilities(hidden), theirs->log_prob(hidden), 1e-4, 1e-5));
}

TEST(AdaptiveSoftmaxTest, PaddingCountsNothingAndLossIsThatOfTheProbabilities) {
  torch::manual_seed(8);
  AdaptiveSoftmax layer(16, 20, std::vector<int64_t>{5});
  torch::NoGradGuard no_grad;
  layer->named_parameters()["tail_0_bias"].normal_();
  layer->named_parameters()["head_bias"].normal_();
  const Tensor hidden = torch::randn({4, 16});
  const Tensor targets = torch::tensor({3, 19, static_cast<int>(kPaddingSymbol), 7}, torch::kInt64);
  const Tensor logs = layer->log_probabilities(hidden);
  EXPECT_TRUE(torch::allclose(logs.exp().sum(1), torch::ones({4}), 1e-5, 1e-5));
  const double want = -(logs[0][3] + logs[1][19] + logs[3][7]).item<double>();
  EXPECT_NEAR(layer->loss(hidden, targets).item<double>(), want, 1e-4);
}

/// Answers need no place of the maximum, and take another way to the same value.
TEST(PoolingTest, TheMaximumIsThatOfRealStepsWithAndWithoutGradients) {
  torch::manual_seed(4);
  const Tensor y = torch::randn({6, 3, 5}) - 3;  // padding, were it zero, would be the largest
  for (const Lengths& lengths : {Lengths{6, 2, 4}, Lengths{6, 6, 6}}) {
    const Tensor learnt = pool_over_time(y, lengths, "max", true);
    torch::NoGradGuard no_grad;
    EXPECT_TRUE(torch::equal(pool_over_time(y, lengths, "max", true), learnt));
    for (size_t b = 0; b < lengths.size(); ++b) {
      const auto row = static_cast<int64_t>(b);
      const Tensor own = y.select(1, row).narrow(0, 0, lengths[b]);
      EXPECT_TRUE(torch::equal(learnt[row], own.amax(0)));
    }
  }
}

TEST(ReversalTest, TurnsEverySequenceWithinItsLength) {
  const Tensor x = torch::arange(24).reshape({4, 3, 2}).to(torch::kFloat32).requires_grad_();
  const Lengths lengths = {4, 1, 3};
  const Tensor turned = reverse_sequences(x, lengths);
  for (int64_t b = 0; b < 3; ++b) {
    const int64_t length = lengths[static_cast<size_t>(b)];
    for (int64_t t = 0; t < 4; ++t) {
      const int64_t from = t < length ? length - 1 - t : t;
      EXPECT_TRUE(torch::equal(turned[t][b], x[from][b])) << t << ' ' << b;
    }
  }
  const Tensor weights = torch::randn_like(x);
  const Tensor gradient = torch::autograd::grad({(turned * weights).sum()}, {x})[0];
  EXPECT_TRUE(torch::equal(gradient, reverse_sequences(weights, lengths)));
  // Of a part of a larger tensor, too.
  const Tensor part = x.detach().narrow(2, 1, 1);
  EXPECT_TRUE(torch::equal(reverse_sequences(part, lengths), turned.detach().narrow(2, 1, 1)));
}

TEST(AttentionPoolingTest, IsAMeanOfTheRealSteps) {
  for (const char* kind : {"additive", "multiplicative"}) {
    torch::manual_seed(3);
    AttentionPooling pooling(kind, 4);
    Tensor y = torch::randn({5, 2, 4});
    y.narrow(1, 1, 1).narrow(0, 2, 3).fill_(NAN);
    y.set_requires_grad(true);
    const Tensor pooled = pooling->forward(y, {5, 2});
    const Tensor alone = pooling->forward(y.detach().narrow(1, 1, 1).narrow(0, 0, 2), {2});
    EXPECT_TRUE(torch::allclose(pooled[1], alone[0], 1e-5, 1e-6)) << kind;
    std::vector<Tensor> leaves = pooling->parameters();
    leaves.push_back(y);
    for (const Tensor& gradient : torch::autograd::grad({pooled.sum()}, leaves)) {
      EXPECT_TRUE(gradient.isfinite().all().item<bool>()) << kind;
    }
    // Steps that are all alike: their mean is each of them.
    const Tensor same = torch::randn({1, 1, 4}).expand({5, 1, 4});
    EXPECT_TRUE(torch::allclose(pooling->forward(same, {3})[0], same[0][0], 1e-5, 1e-6)) << kind;
  }
}

TEST(AttentionPoolingTest, GradientsArriveEverywhere) {
  for (const char* kind : {"additive", "multiplicative"}) {
    torch::manual_seed(5);
    AttentionPooling pooling(kind, 3);
    pooling->to(torch::kFloat64);
    const Tensor y = torch::randn({4, 2, 3}, torch::kFloat64).set_requires_grad(true);
    const auto loss = [&] { return pooling->forward(y, {4, 3}).pow(2).sum(); };
    std::vector<Tensor> inputs = pooling->parameters();
    inputs.push_back(y);
    testing::expect_gradients_by_differences(loss, inputs, kind);
  }
}

}  // namespace
}  // namespace lockstep
