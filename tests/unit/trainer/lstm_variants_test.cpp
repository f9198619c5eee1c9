// Every variant of the LSTM layer against the equations in double, its gradients against
// differences of them, and against PyTorch where PyTorch has it.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <functional>

#include "tests/unit/trainer/lstm_equations.h"
#include "trainer/model/lstm_stack.h"

namespace lockstep {
namespace {

using torch::Tensor;

constexpr int64_t kSteps = 6, kBatch = 3, kInputs = 4, kHidden = 5;

std::vector<double> doubles_of(const Tensor& tensor) {
  const Tensor flat = tensor.detach().to(torch::kFloat64).contiguous().view(-1);
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

struct Variant {
  std::string name;
  std::function<void(ModelConfig&)> set;
  bool training = true;
};

std::vector<Variant> variants() {
  return {
      {"plain", [](ModelConfig&) {}},
      {"projection", [](ModelConfig& c) { c.projection_size = 3; }},
      {"layer_norm", [](ModelConfig& c) { c.layer_norm = true; }},
      {"peepholes", [](ModelConfig& c) { c.peepholes = true; }},
      {"coupled_gates", [](ModelConfig& c) { c.coupled_gates = true, c.forget_bias = 1; }},
      {"coupled_peepholes", [](ModelConfig& c) { c.coupled_gates = c.peepholes = true; }},
      {"recurrent_dropout", [](ModelConfig& c) { c.recurrent_dropout = 0.4; }},
      {"weight_drop", [](ModelConfig& c) { c.weight_drop = 0.4; }},
      {"zoneout", [](ModelConfig& c) { c.zoneout_cells = 0.4, c.zoneout_outputs = 0.3; }},
      {"zoneout_judged", [](ModelConfig& c) { c.zoneout_cells = 0.4, c.zoneout_outputs = 0.3; },
       false},
      {"all",
       [](ModelConfig& c) {
         c.layer_norm = c.peepholes = c.coupled_gates = true;
         c.projection_size = 4;
         c.zoneout_cells = c.zoneout_outputs = c.weight_drop = c.recurrent_dropout = 0.2;
       }},
  };
}

/// The place of a layer's masks is part of what makes a run repeatable: it stays.
int site_of(int layer_site, int kind) {
  return 1'000'000 + (layer_site * 4 + kind) * 2;
}

class LstmVariants : public ::testing::TestWithParam<Variant> {
 protected:
  LstmVariants() {
    torch::manual_seed(11);
    config_.hidden_size = kHidden;
    GetParam().set(config_);
    stack_ = LstmStack(kInputs, config_);
    torch::NoGradGuard no_grad;
    for (Tensor& parameter : stack_->parameters())
      parameter.add_(torch::randn_like(parameter), 0.3);
    x_ = torch::randn({kSteps, kBatch, kInputs}).set_requires_grad(true);
    weight_h_ = torch::randn({kSteps, kBatch, lstm_outputs(config_)});
  }

  DropoutKey key() const { return {GetParam().training, 7, 3, &ids_}; }
  Tensor run() { return stack_->forward(x_, {}, key(), kSite); }
  std::vector<double> mask(at::IntArrayRef shape, double share, int kind) const {
    if (share <= 0 || !GetParam().training) return {};
    return doubles_of(dropout_mask(shape, torch::kCPU, share, key(), site_of(kSite, kind)));
  }

  ReferenceVariant reference() const {
    const auto named = stack_->named_parameters();
    const auto values = [&](const std::string& name) {
      const Tensor* found = named.find(name + "_l0");
      return found == nullptr ? std::vector<double>() : doubles_of(*found);
    };
    ReferenceVariant r;
    r.time = kSteps, r.batch = kBatch, r.inputs = kInputs;
    r.hidden = kHidden, r.outputs = lstm_outputs(config_);
    r.coupled = config_.coupled_gates;
    r.zoneout_cells = config_.zoneout_cells, r.zoneout_outputs = config_.zoneout_outputs;
    r.weight_ih = values("weight_ih"), r.weight_hh = values("weight_hh");
    r.bias = values("bias_ih");
    const std::vector<double> other = values("bias_hh");
    for (size_t i = 0; i < other.size(); ++i) r.bias[i] += other[i];
    r.projection = values("weight_hr"), r.peephole = values("peephole");
    r.norm_ih = values("norm_ih"), r.norm_hh = values("norm_hh");
    r.norm_c = values("norm_c"), r.norm_c_bias = values("norm_c_bias");
    r.recurrent_mask = mask({kBatch, r.outputs}, config_.recurrent_dropout, 0);
    r.new_cells = mask({kSteps, kBatch, kHidden}, config_.zoneout_cells, 1);
    r.new_outputs = mask({kSteps, kBatch, r.outputs}, config_.zoneout_outputs, 2);
    return r;
  }
  /// Multiplies the recurrent weights: empty when none are dropped.
  std::vector<double> weight_mask(const ReferenceVariant& r) const {
    if (config_.weight_drop <= 0) return {};
    const auto rows = static_cast<int64_t>(r.bias.size());
    std::vector<int64_t> numbers;
    for (int64_t i = 0; i < rows; ++i) numbers.push_back(i);
    return doubles_of(dropout_mask({rows, r.outputs}, torch::kCPU, config_.weight_drop,
                                   {true, 7, 3, &numbers}, site_of(kSite, 3)));
  }

  static constexpr int kSite = 5;
  std::vector<int64_t> ids_ = {8, 3, 12};
  ModelConfig config_;
  LstmStack stack_{nullptr};
  Tensor x_, weight_h_;
};

TEST_P(LstmVariants, FollowTheEquations) {
  ReferenceVariant r = reference();
  const std::vector<double> dropped = weight_mask(r);
  for (size_t i = 0; i < dropped.size(); ++i) r.weight_hh[i] *= dropped[i];
  const std::vector<double> want = r.forward(doubles_of(x_)), got = doubles_of(run());
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], want[i], 5e-6) << i;
}

TEST_P(LstmVariants, GradientsFollowTheEquations) {
  std::vector<Tensor> leaves = stack_->parameters();
  std::vector<std::string> names;
  for (const auto& item : stack_->named_parameters()) names.push_back(item.key());
  leaves.push_back(x_);
  names.push_back("x");
  const auto gradients = torch::autograd::grad({(run() * weight_h_).sum()}, leaves);
  ReferenceVariant r = reference();
  const std::vector<double> dropped = weight_mask(r), weight_h = doubles_of(weight_h_);
  std::vector<double> x = doubles_of(x_);
  const std::map<std::string, std::vector<double>*> places = {{"weight_ih_l0", &r.weight_ih},
                                                              {"weight_hh_l0", &r.weight_hh},
                                                              {"bias_ih_l0", &r.bias},
                                                              {"bias_hh_l0", &r.bias},
                                                              {"weight_hr_l0", &r.projection},
                                                              {"peephole_l0", &r.peephole},
                                                              {"norm_ih_l0", &r.norm_ih},
                                                              {"norm_hh_l0", &r.norm_hh},
                                                              {"norm_c_l0", &r.norm_c},
                                                              {"norm_c_bias_l0", &r.norm_c_bias},
                                                              {"x", &x}};
  const auto objective = [&] {
    ReferenceVariant used = r;
    for (size_t i = 0; i < dropped.size(); ++i) used.weight_hh[i] *= dropped[i];
    return used.objective(x, weight_h);
  };
  for (size_t leaf = 0; leaf < leaves.size(); ++leaf) {
    const std::vector<double> got = doubles_of(gradients[leaf]);
    for (size_t i = 0; i < got.size(); i += 1 + got.size() / 9) {
      double& value = (*places.at(names[leaf]))[i];
      const double kept = value, delta = 1e-5;
      value = kept + delta;
      const double above = objective();
      value = kept - delta;
      const double below = objective();
      value = kept;
      const double want = (above - below) / (2 * delta);
      ASSERT_NEAR(got[i], want, 1e-4 * std::max(1.0, std::abs(want))) << names[leaf] << " " << i;
    }
  }
}

/// Each sequence by itself gives what it gives beside others, whatever stands behind its end.
TEST_P(LstmVariants, DoNotDependOnPadding) {
  for (const bool bidirectional : {false, true}) {
    ModelConfig config = config_;
    config.bidirectional = bidirectional;
    config.num_layers = 2;
    config.residual = true;
    LstmStack stack(kInputs, config);
    if (!needs_steps(config, GetParam().training)) continue;  // the kernels have tests of their own
    const Lengths lengths = {4, 6, 1};
    torch::NoGradGuard no_grad;
    Tensor x = x_.detach().clone();
    const Tensor real = real_steps(lengths, x);
    x.masked_fill_(~real, NAN).set_requires_grad(true);
    torch::AutoGradMode gradients_on(true);
    const Tensor y = stack->forward(x, lengths, key(), kSite);
    const Tensor weights = torch::randn_like(y).masked_fill(~real, 0);
    const auto got =
        torch::autograd::grad({(y.masked_fill(~real, 0) * weights).sum()}, stack->parameters());
    Tensor sum = torch::zeros({});
    for (int64_t b = 0; b < kBatch; ++b) {
      const int64_t length = lengths[static_cast<size_t>(b)];
      const std::vector<int64_t> id = {ids_[static_cast<size_t>(b)]};
      const DropoutKey alone{GetParam().training, 7, 3, &id};
      const Tensor own =
          stack->forward(x.detach().narrow(1, b, 1).narrow(0, 0, length), {length}, alone, kSite);
      EXPECT_TRUE(
          torch::allclose(own.select(1, 0), y.select(1, b).narrow(0, 0, length), 1e-5, 1e-6));
      sum = sum + (own.select(1, 0) * weights.select(1, b).narrow(0, 0, length)).sum();
    }
    const auto want = torch::autograd::grad({sum}, stack->parameters());
    for (size_t i = 0; i < want.size(); ++i) {
      EXPECT_TRUE(torch::allclose(got[i], want[i], 1e-4, 1e-5)) << i;
    }
  }
}

/// A text in two parts, the second going on where the first ended, is the text.
TEST_P(LstmVariants, CarryTheirStates) {
  torch::NoGradGuard no_grad;
  const Tensor whole = stack_->forward(x_, {}, {}, kSite);
  std::vector<LstmState> states(1);
  const Tensor first = stack_->forward(x_.narrow(0, 0, 2), {}, {}, kSite, &states);
  const Tensor second = stack_->forward(x_.narrow(0, 2, kSteps - 2), {}, {}, kSite, &states);
  EXPECT_TRUE(torch::allclose(torch::cat({first, second}), whole, 1e-5, 1e-6));
  EXPECT_EQ(states[0].h_BH.size(1), lstm_outputs(config_));
  EXPECT_EQ(states[0].c_BH.size(1), kHidden);
}

INSTANTIATE_TEST_SUITE_P(All, LstmVariants, ::testing::ValuesIn(variants()),
                         [](const auto& test) { return test.param.name; });

TEST(LstmVariant, ProjectionEqualsPyTorchs) {
  for (const bool bidirectional : {false, true}) {
    ModelConfig config;
    config.hidden_size = 9;
    config.num_layers = 2;
    config.projection_size = 4;
    config.bidirectional = bidirectional;
    torch::manual_seed(2);
    LstmStack stack(6, config);
    torch::nn::LSTM peer(
        torch::nn::LSTMOptions(6, 9).num_layers(2).proj_size(4).bidirectional(bidirectional));
    auto theirs = peer->named_parameters();
    ASSERT_EQ(theirs.size(), stack->named_parameters().size());
    {
      torch::NoGradGuard no_grad;
      for (const auto& ours : stack->named_parameters()) theirs[ours.key()].copy_(ours.value());
    }
    const Tensor x = torch::randn({7, 3, 6});
    const Tensor got = stack->forward(x, {}, {}), want = std::get<0>(peer->forward(x));
    EXPECT_TRUE(torch::allclose(got, want, 1e-5, 1e-6));
    std::vector<Tensor> our_parameters, their_parameters;
    for (const auto& ours : stack->named_parameters()) {
      our_parameters.push_back(ours.value());
      their_parameters.push_back(theirs[ours.key()]);
    }
    const auto our_gradients = torch::autograd::grad({got.square().sum()}, our_parameters);
    const auto their_gradients = torch::autograd::grad({want.square().sum()}, their_parameters);
    for (size_t i = 0; i < our_gradients.size(); ++i) {
      EXPECT_TRUE(torch::allclose(our_gradients[i], their_gradients[i], 1e-4, 1e-5)) << i;
    }
  }
}

TEST(LstmVariant, ResidualLayersAddWhatTheyRead) {
  ModelConfig config;
  config.hidden_size = 4;
  config.num_layers = 2;
  torch::manual_seed(4);
  LstmStack plain(4, config);
  config.residual = true;
  LstmStack residual(4, config);
  config.num_layers = 1;
  LstmStack below(4, config);
  torch::NoGradGuard no_grad;
  const auto from = plain->named_parameters();
  for (auto& item : residual->named_parameters()) item.value().copy_(from[item.key()]);
  for (auto& item : below->named_parameters()) item.value().copy_(from[item.key()]);
  const Tensor x = torch::randn({5, 2, 4});
  const Tensor want = plain->forward(x, {}, {}) + below->forward(x, {}, {});
  EXPECT_TRUE(torch::allclose(residual->forward(x, {}, {}), want, 1e-5, 1e-6));
}

TEST(LstmVariant, OrthogonalStartHasOrthonormalGates) {
  ModelConfig config;
  config.hidden_size = 6;
  config.projection_size = 4;
  config.initial_weights = "orthogonal";
  config.forget_bias = 1;
  LstmStack stack(3, config);
  const auto named = stack->named_parameters();
  for (const Tensor& gate : named["weight_hh_l0"].split(6)) {
    EXPECT_TRUE(torch::allclose(torch::matmul(gate.t(), gate), torch::eye(4), 1e-5, 1e-5));
  }
  const Tensor projection = named["weight_hr_l0"];
  EXPECT_TRUE(
      torch::allclose(torch::matmul(projection, projection.t()), torch::eye(4), 1e-5, 1e-5));
  EXPECT_EQ(named["bias_ih_l0"].sum().item<float>(), 6);
  EXPECT_LE(named["weight_ih_l0"].abs().max().item<float>(), std::sqrt(6.0 / 9.0));
}

TEST(LstmVariant, InitialBoundIsKept) {
  ModelConfig config;
  config.hidden_size = 16;
  config.initial_bound = 0.01;
  LstmStack stack(8, config);
  for (const Tensor& parameter : stack->parameters()) {
    EXPECT_LE(parameter.abs().max().item<float>(), 0.01);
    EXPECT_GT(parameter.abs().max().item<float>(), 0.005);
  }
}

TEST(LstmVariant, VariationalMasksAreTheSameAtAllSteps) {
  const std::vector<int64_t> ids = {1, 2};
  const DropoutKey key{true, 3, 4, &ids, true};
  const Tensor y = dropout(torch::ones({9, 2, 40}), 0.5, key, 0);
  for (int64_t t = 1; t < 9; ++t) EXPECT_TRUE(torch::equal(y[t], y[0]));
  EXPECT_FALSE(torch::equal(y[0][0], y[0][1]));
}

}  // namespace
}  // namespace lockstep
