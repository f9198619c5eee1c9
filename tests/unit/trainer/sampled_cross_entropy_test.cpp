// Cross-entropy over a sample: values and gradients against its formula, and its limit.
#include "trainer/model/sampled_cross_entropy.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "trainer/tasks/ranking_counts.h"

namespace lockstep {
namespace {

using torch::Tensor;

struct SampledLayer {
  Tensor hidden, weight, target_logits, targets;
  SampledItems sample;

  SampledLayer(int64_t rows, int64_t width, int64_t samples) {
    torch::manual_seed(rows + samples);
    hidden = torch::randn({rows, width}).set_requires_grad(true);
    weight = torch::randn({samples, width}).mul_(0.5).set_requires_grad(true);
    target_logits = torch::randn({rows}).set_requires_grad(true);
    targets = torch::randint(20, {rows}, torch::kInt64);
    sample = {torch::randint(20, {samples}, torch::kInt64), torch::randn({samples})};
  }
  Tensor ours() const {
    return sampled_cross_entropy(hidden, weight, target_logits, targets, sample);
  }
  Tensor formula() const {
    const Tensor logits = torch::mm(hidden, weight.t()).to(torch::kFloat64) + sample.correction_S;
    const Tensor own = targets.unsqueeze(1).eq(sample.numbers_S.unsqueeze(0));
    const Tensor others = torch::exp(logits).masked_fill(own, 0).sum(1);
    const Tensor wanted = target_logits.to(torch::kFloat64);
    return (torch::log(torch::exp(wanted) + others) - wanted).sum();
  }
};

TEST(SampledCrossEntropyTest, AgreesWithItsFormulaInValueAndGradient) {
  // The last one is cut into several parts of rows.
  for (const auto& [rows, samples] :
       std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {5, 9}, {40, 70}, {100, 20000}}) {
    const SampledLayer layer(rows, 6, samples);
    const Tensor got = layer.ours() * 2, want = layer.formula() * 2;
    EXPECT_NEAR(got.item<double>(), want.item<double>(), 3e-6 * (want.item<double>() + 1));
    const std::vector<Tensor> inputs = {layer.hidden, layer.weight, layer.target_logits};
    const auto got_gradients = torch::autograd::grad({got}, inputs);
    const auto want_gradients = torch::autograd::grad({want}, inputs);
    for (size_t i = 0; i < inputs.size(); ++i) {
      EXPECT_TRUE(torch::allclose(got_gradients[i], want_gradients[i], 1e-4, 3e-6)) << i;
    }
  }
}

TEST(SampledCrossEntropyTest, EveryItemOnceIsTheSoftmax) {
  torch::manual_seed(3);
  const Tensor hidden = torch::randn({8, 4}), items = torch::randn({15, 4});
  const Tensor targets = torch::randint(15, {8}, torch::kInt64);
  const Tensor logits = torch::mm(hidden, items.t());
  const Tensor wanted = logits.gather(1, targets.unsqueeze(1)).squeeze(1);
  const SampledItems all{torch::arange(15, torch::kInt64), torch::zeros({15})};
  EXPECT_NEAR(sampled_cross_entropy(hidden, items, wanted, targets, all).item<double>(),
              torch::cross_entropy_loss(logits, targets, {}, at::Reduction::Sum).item<double>(),
              1e-4);
}

TEST(RankingCountsTest, FiguresOfPlaces) {
  const Tensor counts = count_places(torch::tensor({1, 3, 0, 2, 9, 1}, torch::kInt64), 2);
  EXPECT_TRUE(torch::equal(counts, torch::tensor({2.0F, 1.0F})));
  const std::vector<double> sums = {2, 1};
  Metrics metrics;
  add_ranking_metrics("x_", sums.data(), 2, 6, metrics);
  ASSERT_EQ(metrics.size(), 3);
  EXPECT_EQ(metrics[0].first, "x_recall_at_2");
  EXPECT_DOUBLE_EQ(metrics[0].second, 0.5);
  EXPECT_DOUBLE_EQ(metrics[1].second, 2.5 / 6);
  EXPECT_DOUBLE_EQ(metrics[2].second, (2 + 1 / std::log2(3.0)) / 6);
}

}  // namespace
}  // namespace lockstep
