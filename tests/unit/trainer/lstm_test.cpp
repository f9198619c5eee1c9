// The LSTM layer against the equations in double, and every implementation against LibTorch's.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <functional>
#include <tuple>

#include "tests/unit/trainer/lstm_equations.h"
#include "trainer/model/kernels/cpu_kernels.h"
#include "trainer/model/lstm_cpu.h"
#include "trainer/model/lstm_stack.h"

namespace lockstep {
namespace {

using torch::Tensor;

std::vector<double> to_doubles(const Tensor& tensor) {
  const Tensor flat = tensor.detach().to(torch::kFloat64).contiguous().view(-1);
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

/// A layer with its inputs, states and the weights of a scalar objective.
struct Problem {
  int64_t time, batch, inputs, hidden;
  Tensor x, h0, c0, weight_h, weight_c;
  LstmWeights weights;

  Problem(int64_t T, int64_t B, int64_t I, int64_t H, bool with_state)
      : time(T), batch(B), inputs(I), hidden(H) {
    torch::manual_seed(1000 * T + 100 * B + 10 * I + H);
    const auto make = [](at::IntArrayRef shape) {
      return torch::randn(shape).mul_(0.5).set_requires_grad(true);
    };
    x = make({T, B, I});
    if (with_state) {
      h0 = make({B, H});
      c0 = make({B, H});
    }
    weights = {make({4 * H, I}), make({4 * H, H}), make({4 * H}), make({4 * H})};
    // Recurrent weights that neither die nor explode: with larger ones rounding errors grow
    // exponentially over time, in any implementation.
    torch::NoGradGuard no_grad;
    weights.weight_hh.mul_(1 / std::sqrt(static_cast<double>(H)));
    weights.weight_ih.mul_(1 / std::sqrt(static_cast<double>(I)));
    weight_h = torch::randn({T, B, H});
    weight_c = torch::randn({B, H});
  }

  std::vector<Tensor> leaves() const {
    std::vector<Tensor> all = {x, weights.weight_ih, weights.weight_hh, weights.bias_ih,
                               weights.bias_hh};
    if (h0.defined()) all.insert(all.end(), {h0, c0});
    return all;
  }

  Tensor objective(const LstmOutput& output) const {
    return (output.h_TBH * weight_h).sum() + (output.last_c_BH * weight_c).sum();
  }

  LstmOutput by_libtorch() const {
    const Tensor zeros = torch::zeros({batch, hidden});
    const auto [h, last_h, last_c] = torch::lstm(
        x, {(h0.defined() ? h0 : zeros).unsqueeze(0), (c0.defined() ? c0 : zeros).unsqueeze(0)},
        {weights.weight_ih, weights.weight_hh, weights.bias_ih, weights.bias_hh}, true, 1, 0.0,
        true, false, false);
    return {h, last_c.squeeze(0)};
  }

  ReferenceLstm reference() const {
    return {time,
            batch,
            inputs,
            hidden,
            to_doubles(weights.weight_ih),
            to_doubles(weights.weight_hh),
            to_doubles(weights.bias_ih + weights.bias_hh)};
  }
  std::vector<double> state(const Tensor& tensor) const {
    return tensor.defined() ? to_doubles(tensor) : std::vector<double>();
  }
};

void expect_near(const Tensor& got, const Tensor& want, double tolerance, const std::string& what) {
  const double scale = std::max(1.0, want.abs().max().item<double>());
  EXPECT_LE((got - want).abs().max().item<double>(), tolerance * scale) << what;
}

using Shape = std::tuple<int64_t, int64_t, int64_t, int64_t, bool>;
class LstmLayer : public testing::TestWithParam<Shape> {
 protected:
  Problem problem() const {
    return std::apply([](auto... p) { return Problem(p...); }, GetParam());
  }
};

TEST_P(LstmLayer, ForwardFollowsTheGateEquations) {
  const Problem p = problem();
  LstmWorkspacePool pool;
  const LstmOutput output = lstm_cpu(p.x, {p.h0, p.c0}, p.weights, pool);
  const auto trace = p.reference().forward(to_doubles(p.x), p.state(p.h0), p.state(p.c0));
  const std::vector<double> h = to_doubles(output.h_TBH);
  ASSERT_EQ(h.size(), trace.h.size());
  for (size_t i = 0; i < h.size(); ++i) ASSERT_NEAR(h[i], trace.h[i], 2e-6) << i;
  const std::vector<double> c = to_doubles(output.last_c_BH);
  const size_t last = trace.c.size() - c.size();
  for (size_t i = 0; i < c.size(); ++i) ASSERT_NEAR(c[i], trace.c[last + i], 5e-6) << i;
}

TEST_P(LstmLayer, GradientsFollowTheGateEquations) {
  const Problem p = problem();
  LstmWorkspacePool pool;
  const auto gradients = torch::autograd::grad(
      {p.objective(lstm_cpu(p.x, {p.h0, p.c0}, p.weights, pool))}, p.leaves());
  ReferenceLstm reference = p.reference();
  std::vector<double> x = to_doubles(p.x), h0 = p.state(p.h0), c0 = p.state(p.c0);
  const std::vector<double> weight_h = to_doubles(p.weight_h), weight_c = to_doubles(p.weight_c);
  std::vector<std::vector<double>*> leaves = {&x, &reference.weight_ih, &reference.weight_hh,
                                              &reference.bias, &reference.bias};
  if (p.h0.defined()) leaves.insert(leaves.end(), {&h0, &c0});
  for (size_t leaf = 0; leaf < leaves.size(); ++leaf) {
    const std::vector<double> got = to_doubles(gradients[leaf]);
    // Central differences of the double reference, at a few places of each tensor.
    for (size_t i = 0; i < got.size(); i += 1 + got.size() / 7) {
      double& value = (*leaves[leaf])[i];
      const double kept = value, delta = 1e-5;
      value = kept + delta;
      const double above = reference.objective(x, h0, c0, weight_h, weight_c);
      value = kept - delta;
      const double below = reference.objective(x, h0, c0, weight_h, weight_c);
      value = kept;
      const double want = (above - below) / (2 * delta);
      ASSERT_NEAR(got[i], want, 1e-4 * std::max(1.0, std::abs(want)))
          << "leaf " << leaf << " at " << i;
    }
  }
}

TEST_P(LstmLayer, EqualsLibTorch) {
  const Problem p = problem();
  LstmWorkspacePool pool;
  const LstmOutput ours = lstm_cpu(p.x, {p.h0, p.c0}, p.weights, pool);
  const LstmOutput theirs = p.by_libtorch();
  expect_near(ours.h_TBH, theirs.h_TBH, 1e-5, "outputs");
  expect_near(ours.last_c_BH, theirs.last_c_BH, 1e-5, "last cell state");
  const auto our_gradients = torch::autograd::grad({p.objective(ours)}, p.leaves());
  const auto their_gradients = torch::autograd::grad({p.objective(theirs)}, p.leaves());
  for (size_t i = 0; i < our_gradients.size(); ++i) {
    expect_near(our_gradients[i], their_gradients[i], 1e-5, "gradient " + std::to_string(i));
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, LstmLayer,
                         testing::Values(Shape{1, 1, 1, 1, false}, Shape{3, 2, 4, 5, true},
                                         Shape{5, 7, 3, 8, false}, Shape{4, 13, 6, 17, true},
                                         Shape{6, 5, 28, 33, false}, Shape{28, 11, 28, 128, true}));

TEST(LstmKernels, AllThatRunHereAgree) {
  const int64_t T = 9, B = 14, H = 37;
  torch::manual_seed(3);
  const Tensor weight = torch::randn({4 * H, H}).mul_(0.2), pre = torch::randn({T, B, 4 * H});
  const Tensor grad_h = torch::randn({T, B, H}), h0 = torch::randn({B, H}),
               c0 = torch::randn({B, H});
  std::vector<Tensor> first;
  for (const CpuKernels* const* set = runnable_cpu_kernels(); *set != nullptr; ++set) {
    const LstmKernel& kernel = (*set)->lstm;
    Tensor gates = pre.clone(), c = torch::empty({T, B, H}), tanh_c = torch::empty({T, B, H});
    Tensor h = torch::empty({T, B, H}), grad_c = torch::zeros({B, H}),
           grad_h0 = torch::empty({B, H});
    Tensor forward = torch::empty({static_cast<int64_t>(kernel.packed_forward_size(H))});
    Tensor backward = torch::empty({static_cast<int64_t>(kernel.packed_backward_size(H))});
    kernel.pack_forward(weight.const_data_ptr<float>(), H, forward.data_ptr<float>());
    kernel.pack_backward(weight.const_data_ptr<float>(), H, backward.data_ptr<float>());
    kernel.forward({T, B, H, forward.const_data_ptr<float>(), h0.const_data_ptr<float>(),
                    c0.const_data_ptr<float>(), gates.data_ptr<float>(), c.data_ptr<float>(),
                    tanh_c.data_ptr<float>(), h.data_ptr<float>()});
    kernel.backward({T, B, H, backward.const_data_ptr<float>(), c0.const_data_ptr<float>(),
                     c.const_data_ptr<float>(), tanh_c.const_data_ptr<float>(),
                     grad_h.const_data_ptr<float>(), nullptr, gates.data_ptr<float>(),
                     grad_c.data_ptr<float>(), grad_h0.data_ptr<float>()});
    const std::vector<Tensor> results = {h, c, gates, grad_c, grad_h0};
    if (first.empty()) first = results;
    for (size_t i = 0; i < results.size(); ++i)
      expect_near(results[i], first[i], 1e-5, (*set)->name);
  }
}

TEST(LstmLayerMemory, SecondBackwardIsRefused) {
  const Problem p(3, 2, 4, 5, false);
  LstmWorkspacePool pool;
  const Tensor objective = p.objective(lstm_cpu(p.x, {}, p.weights, pool));
  objective.backward({}, /*retain_graph=*/true);
  EXPECT_THROW(objective.backward(), c10::Error);
}

TEST(LstmLayerMemory, TwoForwardsBeforeABackwardKeepApart) {
  const Problem p(4, 3, 5, 8, false);
  LstmWorkspacePool pool;
  const Tensor alone =
      torch::autograd::grad({p.objective(lstm_cpu(p.x, {}, p.weights, pool))}, {p.x})[0];
  const Tensor first = p.objective(lstm_cpu(p.x, {}, p.weights, pool));
  const Tensor second = p.objective(lstm_cpu(p.x * 3, {}, p.weights, pool));
  EXPECT_TRUE(torch::equal(torch::autograd::grad({first}, {p.x})[0], alone));
  EXPECT_FALSE(torch::equal(torch::autograd::grad({second}, {p.x})[0], alone));
}

/// torch::nn::LSTM with the same parameters as a stack; the names are the same by design.
torch::nn::LSTM peer_of(LstmStack& stack, int64_t inputs, const ModelConfig& config) {
  torch::nn::LSTM peer(torch::nn::LSTMOptions(inputs, config.hidden_size)
                           .num_layers(config.num_layers)
                           .bidirectional(config.bidirectional));
  torch::NoGradGuard no_grad;
  auto theirs = peer->named_parameters();
  for (const auto& ours : stack->named_parameters()) theirs[ours.key()].copy_(ours.value());
  EXPECT_EQ(theirs.size(), stack->named_parameters().size());
  return peer;
}

class LstmStacks : public testing::TestWithParam<std::tuple<bool, std::string>> {};

TEST_P(LstmStacks, EqualPyTorchsModuleOnRaggedSequences) {
  ModelConfig config;
  config.hidden_size = 11;
  config.num_layers = 3;
  config.bidirectional = std::get<0>(GetParam());
  config.kernel = std::get<1>(GetParam());
  torch::manual_seed(5);
  LstmStack stack(6, config);
  const Lengths lengths = {7, 2, 5, 1};
  const Tensor x = torch::randn({7, 4, 6});
  const Tensor y = stack->forward(x, lengths, {});
  torch::nn::LSTM peer = peer_of(stack, 6, config);
  const Tensor pooled = pool_over_time(y, lengths, "last", config.bidirectional);
  for (size_t b = 0; b < lengths.size(); ++b) {  // each sequence by itself: no padding, no packing
    const auto index = static_cast<int64_t>(b);
    const auto alone = x.select(1, index).narrow(0, 0, lengths[b]).unsqueeze(1);
    const auto [want, state] = peer->forward(alone);
    expect_near(y.select(1, index).narrow(0, 0, lengths[b]), want.squeeze(1), 1e-5, "outputs");
    const Tensor last_h = std::get<0>(state);  // [layers * directions, 1, H]
    const Tensor last = config.bidirectional ? torch::cat({last_h[-2], last_h[-1]}, 1) : last_h[-1];
    expect_near(pooled[index], last.squeeze(0), 1e-5, "last state");
    const Tensor mean = pool_over_time(y, lengths, "mean", config.bidirectional)[index];
    expect_near(mean, want.squeeze(1).mean(0), 1e-5, "mean");
    const Tensor max = pool_over_time(y, lengths, "max", config.bidirectional)[index];
    expect_near(max, std::get<0>(want.squeeze(1).max(0)), 1e-5, "max");
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, LstmStacks,
                         testing::Combine(testing::Bool(), testing::Values("cpu", "aten")));

TEST(Dropout, MaskDependsOnSampleAndNotOnItsPlaceInTheBatch) {
  const std::vector<int64_t> ids = {4, 9, 2}, others = {2, 7};
  const Tensor all = dropout(torch::ones({5, 3, 16}), 0.4, {true, 1, 10, &ids}, 0);
  const Tensor some = dropout(torch::ones({5, 2, 16}), 0.4, {true, 1, 10, &others}, 0);
  EXPECT_TRUE(torch::equal(all.select(1, 2), some.select(1, 0)));
  EXPECT_FALSE(torch::equal(all.select(1, 0), all.select(1, 1)));
  const Tensor next_step = dropout(torch::ones({5, 3, 16}), 0.4, {true, 1, 11, &ids}, 0);
  const Tensor next_site = dropout(torch::ones({5, 3, 16}), 0.4, {true, 1, 10, &ids}, 1);
  EXPECT_FALSE(torch::equal(all, next_step));
  EXPECT_FALSE(torch::equal(all, next_site));
}

TEST(Dropout, KeepsTheMeanAndDropsTheAskedShare) {
  const std::vector<int64_t> ids = {0, 1, 2, 3};
  const Tensor y = dropout(torch::ones({100, 4, 256}), 0.3, {true, 7, 1, &ids}, 0);
  EXPECT_NEAR(y.eq(0).to(torch::kFloat32).mean().item<double>(), 0.3, 0.005);
  EXPECT_NEAR(y.mean().item<double>(), 1.0, 0.01);
  const Tensor untouched = dropout(torch::ones({2, 4, 8}), 0.3, {false, 7, 1, &ids}, 0);
  EXPECT_TRUE(torch::equal(untouched, torch::ones({2, 4, 8})));
}

}  // namespace
}  // namespace lockstep
