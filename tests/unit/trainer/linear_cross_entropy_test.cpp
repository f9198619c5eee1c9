// The output layer's loss against LibTorch's own, values and gradients, on every kernel.
#include "trainer/model/linear_cross_entropy.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "data/batch.h"
#include "trainer/model/kernels/cpu_kernels.h"

namespace lockstep {
namespace {

using torch::Tensor;

struct OutputLayer {
  Tensor hidden, weight, bias, targets;

  OutputLayer(int64_t rows, int64_t width, int64_t classes) {
    torch::manual_seed(rows + width + classes);
    hidden = torch::randn({rows, width}).set_requires_grad(true);
    weight = torch::randn({classes, width}).mul_(0.3).set_requires_grad(true);
    bias = torch::randn({classes}).set_requires_grad(true);
    targets = torch::randint(classes, {rows}, torch::kInt64);
    if (rows > 2) targets[1] = kPaddingSymbol;
  }
  Tensor reference(double label_smoothing = 0) const {
    return torch::cross_entropy_loss(torch::addmm(bias, hidden, weight.t()).to(torch::kFloat64),
                                     targets, {}, at::Reduction::Sum, kPaddingSymbol,
                                     label_smoothing);
  }
  std::vector<Tensor> gradients(const Tensor& loss) const {
    return torch::autograd::grad({loss}, {hidden, weight, bias});
  }
};

TEST(LinearCrossEntropyTest, AgreesWithLibTorchInValueAndGradient) {
  // The last one is cut into several parts of rows.
  for (const auto& [rows, width, classes] : std::vector<std::tuple<int64_t, int64_t, int64_t>>{
           {1, 1, 1}, {3, 4, 2}, {7, 5, 17}, {33, 16, 1000}, {90, 24, 70001}}) {
    const OutputLayer layer(rows, width, classes);
    const Tensor loss = linear_cross_entropy(layer.hidden, layer.weight, layer.bias, layer.targets);
    const Tensor want = layer.reference();
    EXPECT_NEAR(loss.item<double>(), want.item<double>(), 2e-6 * (want.item<double>() + 1));
    // A factor in front reaches the gradients.
    const auto got = layer.gradients(loss * 3);
    const auto expected = layer.gradients(want * 3);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_TRUE(torch::allclose(got[i], expected[i], 1e-4, 2e-6)) << classes << " classes: " << i;
    }
  }
}

TEST(LinearCrossEntropyTest, SmoothsLabelsAsLibTorchDoes) {
  const OutputLayer layer(40, 12, 30000);  // several parts of rows
  const Tensor loss =
      linear_cross_entropy(layer.hidden, layer.weight, layer.bias, layer.targets, {0.1});
  const Tensor want = layer.reference(0.1);
  EXPECT_NEAR(loss.item<double>(), want.item<double>(), 2e-6 * want.item<double>());
  const auto got = layer.gradients(loss), expected = layer.gradients(want);
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(torch::allclose(got[i], expected[i], 1e-4, 2e-6)) << i;
}

Tensor rounded(const Tensor& values) {
  return values.to(torch::kBFloat16).to(torch::kFloat32);
}

/// What float32 makes of the rounded operands is what it should be; of the gradients of logits,
/// which are rounded too, an error of 2^-9 each is left.
TEST(LinearCrossEntropyTest, InBfloat16OperandsAreRoundedAndSumsAreNot) {
  for (const auto& [rows, width, classes] : std::vector<std::tuple<int64_t, int64_t, int64_t>>{
           {1, 1, 1}, {7, 5, 17}, {33, 16, 1000}, {130, 8, 9001}}) {
    const OutputLayer layer(rows, width, classes);
    OutputLayer same = layer;
    same.hidden = rounded(layer.hidden.detach()).set_requires_grad(true);
    same.weight = rounded(layer.weight.detach()).set_requires_grad(true);
    const Tensor loss = linear_cross_entropy(layer.hidden, layer.weight, layer.bias, layer.targets,
                                             {.bfloat16 = true});
    const Tensor want = same.reference();
    EXPECT_NEAR(loss.item<double>(), want.item<double>(), 2e-6 * (want.item<double>() + 1));
    const bool exact = loss.item<float>() == layer.reference().item<float>();
    EXPECT_EQ(exact, classes == 1) << classes;
    const auto got = layer.gradients(loss), expected = same.gradients(want);
    for (size_t i = 0; i < 3; ++i) {
      const double error = (got[i] - expected[i]).norm().item<double>();
      EXPECT_LE(error, 0.004 * expected[i].norm().item<double>()) << classes << " classes: " << i;
    }
  }
}

TEST(LinearCrossEntropyTest, WithoutGradientTheValueIsTheSame) {
  const OutputLayer layer(20, 8, 300);
  const Tensor with = linear_cross_entropy(layer.hidden, layer.weight, layer.bias, layer.targets);
  torch::NoGradGuard no_grad;
  const Tensor without =
      linear_cross_entropy(layer.hidden, layer.weight, layer.bias, layer.targets);
  EXPECT_EQ(with.item<float>(), without.item<float>());
}

TEST(LinearCrossEntropyTest, RefusesTargetsOutOfRange) {
  OutputLayer layer(4, 3, 5);
  layer.targets[2] = 5;
  EXPECT_ANY_THROW(linear_cross_entropy(layer.hidden, layer.weight, layer.bias, layer.targets));
}

TEST(SoftmaxKernelTest, EveryKernelGivesProbabilitiesOfAnyNumberOfClasses) {
  for (auto kernels = runnable_cpu_kernels(); *kernels != nullptr; ++kernels) {
    for (const int64_t classes : {1, 2, 7, 8, 9, 31, 512, 513, 1100}) {
      torch::manual_seed(classes);
      Tensor logits = torch::randn({classes}) * 20;
      const Tensor log_softmax = logits.to(torch::kFloat64).log_softmax(0);
      const int64_t target = classes / 2;
      const double loss =
          (*kernels)->softmax.cross_entropy(logits.data_ptr<float>(), classes, target, true);
      EXPECT_NEAR(loss, -log_softmax[target].item<double>(), 1e-5) << (*kernels)->name;
      logits[target] += 1;
      EXPECT_TRUE(torch::allclose(logits.to(torch::kFloat64), log_softmax.exp(), 1e-5, 1e-7))
          << (*kernels)->name << " " << classes;
    }
  }
}

TEST(SoftmaxKernelTest, WhatIsNotANumberIsNotHidden) {
  for (auto kernels = runnable_cpu_kernels(); *kernels != nullptr; ++kernels) {
    for (const int64_t place : {0, 3, 10, 16}) {
      Tensor logits = torch::zeros({17});
      logits[place] = std::numeric_limits<float>::quiet_NaN();
      EXPECT_TRUE(
          std::isnan((*kernels)->softmax.cross_entropy(logits.data_ptr<float>(), 17, 5, true)))
          << (*kernels)->name << " " << place;
    }
  }
}

}  // namespace
}  // namespace lockstep
