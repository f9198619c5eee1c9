// Update rules against torch::optim over many steps, on flat buffers with gaps.
#include "trainer/optimizer.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "data/base/error.h"
#include "trainer/model/kernels/cpu_kernels.h"
#include "trainer/schedule.h"

namespace lockstep {
namespace {

using torch::Tensor;

struct ModelImpl : torch::nn::Module {
  ModelImpl() {
    torch::manual_seed(11);
    a = register_parameter("a", torch::randn({3, 7}));
    b = register_parameter("b", torch::randn({33}));
  }
  /// Convex, so that rounding does not grow from step to step.
  Tensor loss() {
    const Tensor off = b - 0.5;
    return (a * a).sum() * 0.3 + (off * off).sum() * 0.7 + a.select(0, 1).sum() * b[4] * 0.1;
  }
  Tensor a, b;
};

std::unique_ptr<torch::optim::Optimizer> peer_of(const OptimizerConfig& c,
                                                 std::vector<Tensor> parameters) {
  if (c.kind == "sgd") {
    return std::make_unique<torch::optim::SGD>(parameters, torch::optim::SGDOptions(c.learning_rate)
                                                               .momentum(c.momentum)
                                                               .weight_decay(c.weight_decay));
  }
  if (c.kind == "adamw") {
    return std::make_unique<torch::optim::AdamW>(
        parameters, torch::optim::AdamWOptions(c.learning_rate).weight_decay(c.weight_decay));
  }
  if (c.kind == "adagrad") {
    return std::make_unique<torch::optim::Adagrad>(
        parameters,
        torch::optim::AdagradOptions(c.learning_rate).weight_decay(c.weight_decay).eps(c.epsilon));
  }
  if (c.kind == "rmsprop") {
    return std::make_unique<torch::optim::RMSprop>(parameters,
                                                   torch::optim::RMSpropOptions(c.learning_rate)
                                                       .momentum(c.momentum)
                                                       .weight_decay(c.weight_decay)
                                                       .alpha(c.smoothing)
                                                       .eps(c.epsilon));
  }
  return std::make_unique<torch::optim::Adam>(
      parameters, torch::optim::AdamOptions(c.learning_rate).weight_decay(c.weight_decay));
}

class UpdateRules : public ::testing::TestWithParam<std::tuple<std::string, double, double>> {};

TEST_P(UpdateRules, FollowPyTorchOver100Steps) {
  OptimizerConfig config;
  std::tie(config.kind, config.momentum, config.weight_decay) = GetParam();
  config.learning_rate = 0.01;
  // Near the minimum rmsprop divides two tiny numbers, and the last bit decides where it jumps.
  if (config.kind == "rmsprop") config.epsilon = 1e-2;
  ModelImpl ours, theirs;
  FlatBuffers buffers(ours, torch::kCPU, 4);
  Optimizer optimizer(config, buffers);
  auto peer = peer_of(config, theirs.parameters());
  for (int64_t step = 1; step <= 100; ++step) {
    buffers.zero_gradients();
    (ours.loss() * 5).backward();
    optimizer.update(step, config.learning_rate, 0.2);
    peer->zero_grad();
    theirs.loss().backward();
    peer->step();
  }
  EXPECT_TRUE(torch::allclose(ours.a, theirs.a, 1e-4, 1e-5));
  EXPECT_TRUE(torch::allclose(ours.b, theirs.b, 1e-4, 1e-5));
  EXPECT_EQ(buffers.parameters().narrow(0, 33, 15).abs().sum().item<double>(), 0)
      << "the gap moved";
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, UpdateRules,
    ::testing::Values(std::tuple{"adam", 0.0, 0.0}, std::tuple{"adam", 0.0, 0.1},
                      std::tuple{"adamw", 0.0, 0.1}, std::tuple{"sgd", 0.0, 0.0},
                      std::tuple{"sgd", 0.9, 0.01}, std::tuple{"adagrad", 0.0, 0.0},
                      std::tuple{"adagrad", 0.0, 0.1}, std::tuple{"rmsprop", 0.0, 0.0},
                      std::tuple{"rmsprop", 0.9, 0.01}));

TEST(FlatBuffersTest, ParametersAndGradientsAreViews) {
  ModelImpl model;
  const Tensor before = model.b.clone();
  FlatBuffers buffers(model, torch::kCPU, 4);
  EXPECT_EQ(buffers.num_parameters(), 54);
  EXPECT_TRUE(torch::equal(model.b, before));
  buffers.parameters().fill_(2);
  EXPECT_EQ(model.b[7].item<float>(), 2);
  model.loss().backward();
  // The last parameter comes first: 33 values, then `a` at the next 64-byte boundary.
  EXPECT_EQ(buffers.ranges()[1].offset, 0);
  EXPECT_EQ(buffers.ranges()[0].offset, 48);
  EXPECT_TRUE(torch::equal(buffers.gradients().narrow(0, 0, 33), model.b.grad()));
  EXPECT_TRUE(torch::equal(buffers.gradients().narrow(0, 48, 21), model.a.grad().flatten()));
}

TEST(FlatBuffersTest, LoadRefusesAnotherShape) {
  ModelImpl model;
  FlatBuffers buffers(model, torch::kCPU, 4);
  std::map<std::string, StoredTensor> tensors;
  tensors["a"] = {{3, 7}, std::vector<float>(21, 1.5f)};
  tensors["b"] = {{3, 11}, std::vector<float>(33, 1.5f)};
  try {
    buffers.load(tensors, "", buffers.parameters(), "some.safetensors");
    FAIL() << "must not load";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::corrupt);
    EXPECT_NE(std::string(error.what()).find("b has shape [3, 11], the model needs [33]"),
              std::string::npos)
        << error.what();
  }
}

TEST(Norm, IsThatOfDoubles) {
  const Tensor values = torch::randn({5000});
  const double want = values.to(torch::kFloat64).norm().item<double>();
  EXPECT_NEAR(std::sqrt(squared_norm_of(values)), want, 1e-6 * want);
  std::vector<double> squares(7);
  squared_norms_of_blocks(values, squares);
  EXPECT_EQ(squares.size(), 2u);
  EXPECT_EQ(squares[0] + squares[1], squared_norm_of(values));
  EXPECT_TRUE(std::isnan(squared_norm_of(torch::full({40}, NAN))));
}

TEST(ScheduleFactor, WarmsUpAndFalls) {
  ScheduleConfig config;
  EXPECT_EQ(schedule_factor(config, 1, 100), 1);
  config.warmup_steps = 10;
  EXPECT_DOUBLE_EQ(schedule_factor(config, 1, 110), 0.1);
  EXPECT_DOUBLE_EQ(schedule_factor(config, 10, 110), 1);
  config.kind = "linear";
  EXPECT_DOUBLE_EQ(schedule_factor(config, 60, 110), 0.5);
  config.kind = "cosine";
  config.final_factor = 0.2;
  EXPECT_NEAR(schedule_factor(config, 60, 110), 0.6, 1e-12);
  EXPECT_NEAR(schedule_factor(config, 110, 110), 0.2, 1e-12);
}

TEST(ScheduleFactor, FallsInStepsOrWithTheRoot) {
  ScheduleConfig config;
  config.kind = "step";
  config.warmup_steps = 2;
  config.every = 3;
  config.factor = 0.1;
  config.final_factor = 0.005;
  for (const auto& [step, factor] : std::map<int64_t, double>{
           {1, 0.5}, {2, 1}, {3, 1}, {5, 1}, {6, 0.1}, {8, 0.1}, {9, 0.01}, {12, 0.005}}) {
    EXPECT_NEAR(schedule_factor(config, step, 0), factor, 1e-12) << step;
  }
  config.kind = "inverse_sqrt";
  config.warmup_steps = 4;
  EXPECT_NEAR(schedule_factor(config, 4, 0), 1, 1e-12);
  EXPECT_NEAR(schedule_factor(config, 5, 0), 1, 1e-12);
  EXPECT_NEAR(schedule_factor(config, 17, 0), 0.5, 1e-12);
}

}  // namespace
}  // namespace lockstep
