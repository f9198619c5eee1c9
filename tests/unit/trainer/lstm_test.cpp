// The LSTM layer against the equations in double, and every implementation against LibTorch's.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <array>
#include <atomic>
#include <cmath>
#include <functional>
#include <numeric>
#include <tuple>

#include "tests/unit/trainer/allocation_count.h"
#include "tests/unit/trainer/lstm_equations.h"
#include "trainer/model/dropout_mask.h"
#include "trainer/model/kernels/cpu_kernels.h"
#include "trainer/model/lstm_cpu.h"
#include "trainer/model/lstm_passes.h"
#include "trainer/model/lstm_stack.h"
#include "trainer/model/share_blocks.h"

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
class LstmLayer : public ::testing::TestWithParam<Shape> {
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
                         ::testing::Values(Shape{1, 1, 1, 1, false}, Shape{3, 2, 4, 5, true},
                                           Shape{5, 7, 3, 8, false}, Shape{4, 13, 6, 17, true},
                                           Shape{6, 5, 28, 33, false},
                                           Shape{28, 11, 28, 128, true}));

/// A ragged layer without autograd, its operands and results.
struct RaggedLayer {
  static constexpr int64_t T = 9, B = 14, I = 21, H = 37;
  Lengths lengths = {9, 1, 7, 7, 2, 9, 9, 3, 5, 1, 8, 4, 6, 2};
  int64_t rows = std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
  Tensor x = torch::randn({rows, I}), h0 = torch::randn({B, H}), c0 = torch::randn({B, H});
  Tensor weight_ih = torch::randn({4 * H, I}).mul_(0.2);
  Tensor weight_hh = torch::randn({4 * H, H}).mul_(0.2), bias = torch::randn({4 * H});
  Tensor grad_h = torch::randn({rows, H});
  Tensor h = torch::empty({rows, H}), grad_c = torch::ones({B, H});
  Tensor grad_x = torch::empty({rows, I}), grad_h0 = torch::zeros({B, H});
  Tensor grad_ih = torch::empty({4 * H, I}), grad_hh = torch::empty({4 * H, H});
  Tensor grad_bias = torch::empty({4 * H});
  LstmMemory memory;

  void run(const LstmKernel& kernel, bool with_state) {
    memory.rows.set(T, B, lengths);
    LstmPass pass{kernel, memory, I, H, x.const_data_ptr<float>()};
    if (with_state) {
      pass.initial_h_BH = h0.const_data_ptr<float>();
      pass.initial_c_BH = c0.const_data_ptr<float>();
    }
    pass.weight_ih = weight_ih.const_data_ptr<float>();
    pass.weight_hh = weight_hh.const_data_ptr<float>();
    run_lstm_forward(pass, bias.const_data_ptr<float>(), h.data_ptr<float>());
    run_lstm_backward(
        pass, h.const_data_ptr<float>(), grad_h.const_data_ptr<float>(), grad_c.data_ptr<float>(),
        {grad_x.data_ptr<float>(), with_state ? grad_h0.data_ptr<float>() : nullptr,
         grad_ih.data_ptr<float>(), grad_hh.data_ptr<float>(), grad_bias.data_ptr<float>()});
  }
};

/// Outputs and all gradients by one kernel.
std::vector<Tensor> run_kernel(const LstmKernel& kernel, bool with_state) {
  torch::manual_seed(3);
  RaggedLayer layer;
  layer.run(kernel, with_state);
  return {layer.h,       layer.grad_c,  layer.grad_x,   layer.grad_h0,
          layer.grad_ih, layer.grad_hh, layer.grad_bias};
}

void expect_agreement(LstmKernel CpuKernels::*member, bool with_state, double tolerance) {
  std::vector<Tensor> first;
  for (const CpuKernels* const* set = runnable_cpu_kernels(); *set != nullptr; ++set) {
    const std::vector<Tensor> results = run_kernel((*set)->*member, with_state);
    if (first.empty()) first = results;
    for (size_t i = 0; i < results.size(); ++i) {
      expect_near(results[i], first[i], tolerance, (*set)->name + std::to_string(i));
    }
  }
}

TEST(LstmKernels, AllThatRunHereAgree) {
  for (const bool with_state : {false, true}) {
    expect_agreement(&CpuKernels::lstm, with_state, 1e-5);
    // A sum that is rounded differently can be rounded to another bfloat16.
    expect_agreement(&CpuKernels::lstm_bfloat16, with_state, 4e-3);
  }
}

TEST(LstmKernels, Bfloat16IsNearFloat32) {
  for (const CpuKernels* const* set = runnable_cpu_kernels(); *set != nullptr; ++set) {
    const std::vector<Tensor> near = run_kernel((*set)->lstm_bfloat16, true);
    const std::vector<Tensor> exact = run_kernel((*set)->lstm, true);
    for (size_t i = 0; i < near.size(); ++i) {
      EXPECT_LT((near[i] - exact[i]).norm().item<double>(), 0.02 * exact[i].norm().item<double>())
          << (*set)->name << " " << i;
      EXPECT_FALSE(torch::equal(near[i], exact[i])) << (*set)->name << " " << i;
    }
  }
}

TEST(LstmKernels, RepeatThemselvesBitByBit) {
  for (const CpuKernels* const* set = runnable_cpu_kernels(); *set != nullptr; ++set) {
    const std::vector<Tensor> first = run_kernel((*set)->lstm, true);
    const std::vector<Tensor> second = run_kernel((*set)->lstm, true);
    for (size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(torch::equal(first[i], second[i])) << i;
  }
}

/// Sets the number of LibTorch's threads as long as it lives.
class Threads {
 public:
  explicit Threads(int count) { at::set_num_threads(count); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  ~Threads() { at::set_num_threads(before_); }

 private:
  int before_ = at::get_num_threads();
};

TEST(SharedBlocks, AreDealtOutToAllThreadsWhenWorthIt) {
  const Threads threads(3);
  const auto ranges_of = [](double operations) {
    std::array<std::atomic<int>, 10> blocks{};
    std::atomic<int> ranges = 0;
    share_blocks(10, operations, [&](int64_t begin, int64_t end) {
      ++ranges;
      for (int64_t i = begin; i < end; ++i) ++blocks.at(static_cast<size_t>(i));
    });
    for (const auto& times : blocks) EXPECT_EQ(times, 1);
    return ranges.load();
  };
  EXPECT_EQ(ranges_of(1e9), 3);
  EXPECT_EQ(ranges_of(1e3), 1);
}

TEST(LstmKernels, GiveTheSameOnAnyNumberOfThreads) {
  const Problem p(8, 32, 64, 97, true);  // products that are worth sharing
  const auto gradients = [&](int count) {
    const Threads threads(count);
    LstmWorkspacePool pool;
    return torch::autograd::grad({p.objective(lstm_cpu(p.x, {p.h0, p.c0}, p.weights, pool))},
                                 p.leaves());
  };
  const auto alone = gradients(1), shared = gradients(3);
  for (size_t i = 0; i < alone.size(); ++i) EXPECT_TRUE(torch::equal(alone[i], shared[i])) << i;
}

TEST(PackedRows, LeaveOutSequencesWithoutSteps) {
  PackedRows rows;
  rows.set(4, 3, {2, 0, 3});
  EXPECT_FALSE(rows.dense());
  EXPECT_EQ(rows.time(), 3);
  EXPECT_EQ(rows.rows(), 5);
  EXPECT_EQ(rows.last_row(0), 4);
  EXPECT_EQ(rows.last_row(1), 3);
  EXPECT_EQ(rows.last_row(2), -1);
  const std::vector<float> padded = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  std::vector<float> packed(5), back(12, -1);
  rows.pack(padded.data(), 1, packed.data());
  EXPECT_EQ(packed, (std::vector<float>{2, 0, 5, 3, 8}));
  rows.unpack(packed.data(), 1, back.data());
  EXPECT_EQ(back, (std::vector<float>{0, 0, 2, 3, 0, 5, 0, 0, 8, 0, 0, 0}));
}

/// Steps behind a sequence's end become `value`.
Tensor padded_with(double value, const Tensor& x_TBF, const Lengths& lengths) {
  return x_TBF.detach().masked_fill(~real_steps(lengths, x_TBF), value);
}

TEST(LstmRagged, EqualsPyTorchsPackedSequenceAndNeverReadsPadding) {
  const Problem p(11, 6, 5, 19, true);
  const Lengths lengths = {4, 11, 1, 7, 7, 2};
  LstmWorkspacePool pool;
  Tensor x = padded_with(NAN, p.x, lengths).set_requires_grad(true);
  const LstmOutput ours = lstm_cpu(x, {p.h0, p.c0}, p.weights, pool, {lengths});
  const Tensor weight_h = padded_with(0, p.weight_h, lengths);
  std::vector<Tensor> leaves = p.leaves();
  leaves[0] = x;
  const auto our_gradients = torch::autograd::grad(
      {(ours.h_TBH * weight_h).sum() + (ours.last_c_BH * p.weight_c).sum()}, leaves);

  torch::nn::LSTM peer(torch::nn::LSTMOptions(p.inputs, p.hidden));
  auto theirs = peer->named_parameters();
  {
    torch::NoGradGuard no_grad;
    theirs["weight_ih_l0"].copy_(p.weights.weight_ih);
    theirs["weight_hh_l0"].copy_(p.weights.weight_hh);
    theirs["bias_ih_l0"].copy_(p.weights.bias_ih);
    theirs["bias_hh_l0"].copy_(p.weights.bias_hh);
  }
  const auto packed = torch::nn::utils::rnn::pack_padded_sequence(
      p.x, torch::tensor(lengths, torch::kInt64), false, /*enforce_sorted=*/false);
  const auto [output, state] = peer->forward_with_packed_input(
      packed, std::make_tuple(p.h0.unsqueeze(0), p.c0.unsqueeze(0)));
  const Tensor h = std::get<0>(torch::nn::utils::rnn::pad_packed_sequence(output));
  const Tensor c = std::get<1>(state).squeeze(0);
  expect_near(ours.h_TBH, h, 1e-5, "outputs");
  expect_near(ours.last_c_BH, c, 1e-5, "last cell states");
  const auto their_gradients =
      torch::autograd::grad({(h * weight_h).sum() + (c * p.weight_c).sum()},
                            {p.x, theirs["weight_ih_l0"], theirs["weight_hh_l0"],
                             theirs["bias_ih_l0"], theirs["bias_hh_l0"], p.h0, p.c0});
  for (size_t i = 0; i < our_gradients.size(); ++i) {
    expect_near(our_gradients[i], their_gradients[i], 1e-5, "gradient " + std::to_string(i));
  }
}

TEST(LstmLayerMemory, AllocationsAreCounted) {
  EXPECT_EQ(allocations_in([] { std::vector<int> values(3); }), LOCKSTEP_COUNTS_NEW);
  EXPECT_GE(allocations_in([] { torch::empty({3}); }), 1 + LOCKSTEP_COUNTS_NEW);  // and the tensor
  EXPECT_EQ(allocations_in([] {}), 0);
}

TEST(LstmLayerMemory, KernelsAllocateNothingInASteadyState) {
  for (LstmKernel CpuKernels::*member : {&CpuKernels::lstm, &CpuKernels::lstm_bfloat16}) {
    RaggedLayer layer;
    const Lengths others = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 0, 2, 3, 4};
    const auto two_batches = [&] {
      layer.run(cpu_kernels().*member, true);
      layer.lengths.assign(RaggedLayer::B, 2);
      layer.run(cpu_kernels().*member, false);
      layer.lengths = others;
    };
    EXPECT_GT(allocations_in(two_batches), 0);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(allocations_in(two_batches), 0) << i;
  }
}

TEST(LstmLayerMemory, WorkspacesOfAllLayersStopGrowing) {
  ModelConfig config;
  config.hidden_size = 24;
  config.num_layers = 2;
  config.bidirectional = true;
  LstmStack stack(6, config);
  const auto step = [&](const Lengths& lengths) {
    stack->forward(torch::randn({9, 4, 6}), lengths, {}).sum().backward();
  };
  // Layers take their memory from one pool: each piece must first have been each layer's.
  for (int i = 0; i < 20; ++i) {
    step({});
    step({9, 4, 1, 6});
  }
  const int64_t before = LstmMemory::growths();
  for (int i = 0; i < 5; ++i) {
    step({});
    step({3, 9, 5, 2});
  }
  EXPECT_EQ(LstmMemory::growths(), before);
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

class LstmStacks : public ::testing::TestWithParam<std::tuple<bool, std::string>> {};

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
                         ::testing::Combine(::testing::Bool(), ::testing::Values("cpu", "aten")));

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

TEST(Dropout, StepsAreDroppedWholeAndOneByOne) {
  const std::vector<int64_t> ids = {3, 5};
  const DropoutKey key{true, 1, 2, &ids, /*same_at_all_steps=*/true};
  const torch::Tensor x = torch::ones({400, 2, 6});
  const torch::Tensor y = drop_steps(x, 0.25, key, 0);
  const torch::Tensor kept_TB = y.select(2, 0).gt(0);
  EXPECT_TRUE(torch::allclose(y, (kept_TB.to(torch::kFloat32) / 0.75).unsqueeze(2).expand_as(y)));
  EXPECT_NEAR(kept_TB.to(torch::kFloat32).mean().item<double>(), 0.75, 0.05);
  EXPECT_FALSE(torch::equal(kept_TB.select(1, 0), kept_TB.select(1, 1)));
  EXPECT_TRUE(torch::equal(drop_steps(x, 0.25, {}, 0), x));
}

TEST(Dropout, EveryKernelMakesTheSameMask) {
  const std::array<uint64_t, 2> keys = {17, uint64_t{1} << 63};
  for (const int64_t features : {1, 2, 7, 64, 131}) {
    std::vector<float> expected;
    for (int64_t t = 0; t < 3; ++t) {
      for (const uint64_t key : keys) {
        for (int64_t f = 0; f < features; ++f) {
          expected.push_back(dropout_bits(key, t * features + f) < 0x60000000U ? 0.0f : 1.5f);
        }
      }
    }
    for (const CpuKernels* const* set = runnable_cpu_kernels(); *set != nullptr; ++set) {
      std::vector<float> mask(expected.size(), -1.0f);
      (*set)->dropout_mask({mask.data(), keys.data(), 3, 2, features, 0x60000000U, 1.5f});
      EXPECT_EQ(mask, expected) << (*set)->name << ", " << features << " features";
    }
  }
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
