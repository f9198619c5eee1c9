#include "trainer/bench_lstm.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "trainer/model/kernels/cpu_kernels.h"
#include "trainer/model/lstm_stack.h"
#include "trainer/stopwatch.h"

namespace lockstep {
namespace {

using torch::Tensor;

ModelConfig stack_config(const BenchLstmRequest& request) {
  ModelConfig config;
  config.hidden_size = request.hidden;
  config.num_layers = request.layers;
  config.kernel = request.kernel;
  config.precision = request.precision;
  return config;
}

double products(const BenchLstmRequest& request) {
  const int64_t steps =
      request.lengths.empty()
          ? request.time * request.batch
          : std::accumulate(request.lengths.begin(), request.lengths.end(), int64_t{0});
  const auto H = static_cast<double>(request.hidden);
  // Inputs and states times 4H columns; backward makes two products of each.
  return 3.0 * 2 * 4 * H * 2 * H * static_cast<double>(steps * request.layers);
}

}  // namespace

BenchLstmFigures bench_lstm(const BenchLstmRequest& request) {
  at::set_num_threads(1);
  torch::manual_seed(1);
  LstmStack stack(request.hidden, stack_config(request));
  const Tensor x_TBI =
      torch::randn({request.time, request.batch, request.hidden}).set_requires_grad(true);
  const Tensor grad_TBH = torch::randn({request.time, request.batch, request.hidden});
  std::vector<Tensor> leaves = stack->parameters();
  leaves.push_back(x_TBI);
  const auto repetition = [&] {
    const Stopwatch watch;
    torch::autograd::backward({stack->forward(x_TBI, request.lengths, {})}, {grad_TBH});
    const double seconds = watch.seconds();
    for (Tensor& leaf : leaves) leaf.mutable_grad().reset();
    return seconds;
  };
  repetition();
  BenchLstmFigures figures{std::numeric_limits<double>::infinity(), products(request)};
  const Stopwatch whole;
  for (int n = 0; n < 2 || whole.seconds() < request.seconds; ++n) {
    figures.seconds = std::min(figures.seconds, repetition());
  }
  return figures;
}

double measured_peak() {
  double best = 0;
  for (int turn = 0; turn < 5; ++turn) {
    float numbers[2] = {0.5f, 0.25f};
    const Stopwatch watch;
    const double operations = cpu_kernels().peak(2'000'000, numbers);
    best = std::max(best, operations / watch.seconds());
  }
  return best;
}

}  // namespace lockstep
