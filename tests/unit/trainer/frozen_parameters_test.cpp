// Parameters that are frozen or have a learning rate of their own, and the patterns that name them.
#include <gmock/gmock.h>
#include <torch/torch.h>

#include "data/base/error.h"
#include "trainer/gradient_buckets.h"
#include "trainer/name_patterns.h"
#include "trainer/optimizer.h"
#include "trainer/weight_loading.h"

namespace lockstep {
namespace {

using ::testing::HasSubstr;
using torch::Tensor;

struct ThreeParts : torch::nn::Module {
  ThreeParts() {
    torch::manual_seed(5);
    a = register_parameter("a_weight", torch::randn({5, 7}));
    b = register_parameter("b_weight", torch::randn({33}));
    c = register_parameter("c_bias", torch::randn({20}));
  }
  Tensor loss() { return a.square().sum() + b.square().sum() + c.square().sum(); }
  Tensor a, b, c;
};

TEST(NamePatterns, StarsStandForAnyCharacters) {
  EXPECT_TRUE(name_fits("lstm.weight_ih_l0", "lstm.*"));
  EXPECT_TRUE(name_fits("lstm.weight_ih_l0", "*_l0"));
  EXPECT_TRUE(name_fits("lstm.weight_ih_l0", "*ih*"));
  EXPECT_TRUE(name_fits("lstm.weight_ih_l0", "lstm.weight_ih_l0"));
  EXPECT_TRUE(name_fits("abab", "*ab"));
  EXPECT_TRUE(name_fits("", "*"));
  EXPECT_FALSE(name_fits("lstm.weight_ih_l0", "lstm"));
  EXPECT_FALSE(name_fits("lstm.weight_ih_l0", "*_l1"));
  EXPECT_FALSE(name_fits("ab", "a*bc"));
  EXPECT_FALSE(name_fits("a", ""));
}

TEST(NamePatterns, NumbersStandBehindTheLastSign) {
  const auto numbers = named_numbers("key", {"lstm.*=0.5", "a=b=2"});
  EXPECT_EQ(numbers[0].name, "lstm.*");
  EXPECT_EQ(numbers[0].number, 0.5);
  EXPECT_EQ(numbers[1].name, "a=b");
  for (const char* bad : {"", "a", "=1", "a=", "a=x", "a=-1", "a=1x", "a=inf", "a=nan"}) {
    EXPECT_THROW(named_numbers("key", {bad}), Error) << bad;
  }
}

TEST(FrozenParameters, LieBehindTheOthersAndStay) {
  ThreeParts model;
  freeze_parameters(model, {"b_*"});
  FlatBuffers buffers(model, torch::kCPU, 4);
  EXPECT_EQ(buffers.gradients().numel(), 32 + 48);
  EXPECT_EQ(buffers.parameters().numel(), 32 + 48 + 48);
  EXPECT_EQ(buffers.ranges()[1].offset, 80);
  EXPECT_EQ(buffers.num_parameters(), 35 + 33 + 20);
  for (const Bucket& bucket : make_buckets(buffers, 1)) {
    EXPECT_LE(bucket.end, 80);
    for (const size_t parameter : bucket.parameters) EXPECT_NE(parameter, 1U);
  }
  const Tensor before = model.b.clone();
  OptimizerConfig config;
  Optimizer optimizer(config, buffers);
  GradientBuckets watched(model, buffers, 1000);
  std::vector<size_t> complete;
  watched.watch([&](size_t bucket) { complete.push_back(bucket); });
  model.loss().backward();
  EXPECT_EQ(complete, std::vector<size_t>{0});
  watched.finish();
  optimizer.update(1, 0.1, 1);
  EXPECT_TRUE(torch::equal(model.b, before));
  EXPECT_EQ(optimizer.state_bytes(), 2 * 80 * 4);
  Tensor copy;
  EXPECT_EQ(buffers.views(buffers.parameters(), "", copy).size(), 3U);
  EXPECT_EQ(buffers.views(buffers.gradients(), "", copy).size(), 2U);
}

TEST(FrozenParameters, MustBeThereAndNotBeAll) {
  ThreeParts model;
  EXPECT_THROW(freeze_parameters(model, {"*"}), Error);
  try {
    freeze_parameters(model, {"d_*"});
    FAIL() << "must be refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::config);
    EXPECT_THAT(error.what(), HasSubstr("d_*"));
    EXPECT_THAT(error.hint(), HasSubstr("a_weight, b_weight, c_bias"));
  }
}

/// As many runs, each with one rate for all, show what each parameter must become.
TEST(RateFactors, EachParameterMovesAtItsOwnRate) {
  for (const char* kind : {"adam", "adamw", "sgd", "adagrad", "rmsprop"}) {
    OptimizerConfig config;
    config.kind = kind;
    config.momentum = config.kind == "sgd" ? 0.9 : 0;
    config.weight_decay = 0.1;
    const auto trained = [&](double rate, const std::vector<std::string>& factors, bool cut) {
      ThreeParts model;
      FlatBuffers buffers(model, torch::kCPU, 4);
      config.rate_factors = factors;
      const auto size = static_cast<size_t>(buffers.gradients().numel());
      std::vector<std::unique_ptr<Optimizer>> parts;
      for (const Span& span :
           cut ? std::vector<Span>{{0, 48}, {48, size}} : std::vector<Span>{{0, size}}) {
        parts.push_back(std::make_unique<Optimizer>(config, buffers, span));
      }
      for (int64_t step = 1; step <= 5; ++step) {
        buffers.zero_gradients();
        model.loss().backward();
        for (const auto& part : parts) part->update(step, rate, 1);
      }
      return std::vector<Tensor>{model.a, model.b, model.c};
    };
    const auto tenth = trained(0.01, {}, false), half = trained(0.05, {}, false),
               whole = trained(0.1, {}, false);
    for (const bool cut : {false, true}) {
      const auto mixed = trained(0.1, {"a_*=0.1", "*weight=0.5"}, cut);
      EXPECT_TRUE(torch::allclose(mixed[0], tenth[0], 1e-5, 1e-6)) << kind;
      EXPECT_TRUE(torch::allclose(mixed[1], half[1], 1e-5, 1e-6)) << kind;
      EXPECT_TRUE(torch::allclose(mixed[2], whole[2], 1e-5, 1e-6)) << kind;
    }
  }
}

}  // namespace
}  // namespace lockstep
