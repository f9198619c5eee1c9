// What `lockstep bench step` counts.
#include <gtest/gtest.h>

#include "trainer/comm/communicator.h"
#include "trainer/session.h"

namespace lockstep {
namespace {

BenchStepRequest small_request() {
  BenchStepRequest request;
  request.config.device = "cpu";
  request.config.run.threads = 1;
  request.config.model.hidden_size = 16;
  request.config.model.num_layers = 2;
  request.config.batch.size = 6;
  request.steps = 4;
  request.warmup_steps = 1;
  request.time = 7;
  request.features = 8;
  request.classes = 3;
  return request;
}

TEST(BenchStep, CountsOperationsByFormula) {
  const auto alone = make_alone_communicator();
  const BenchStepResult result = bench_step(small_request(), *alone);
  // Multiplying and adding: products of the output layer and of 7 steps, forward and backward, but
  // for the gradient of the lowest layer's inputs.
  const double lowest = 2 * 64 * 8 + 3 * 64 * 16, upper = 3 * 64 * 16 * 2, output = 3 * 3 * 16;
  EXPECT_DOUBLE_EQ(result.flops_per_step, 2 * 6 * (7 * (lowest + upper) + output));
  EXPECT_EQ(result.padding_fraction, 0);
  EXPECT_NEAR(result.tokens_per_second, 7 * result.samples_per_second,
              1e-9 * result.tokens_per_second);
  EXPECT_GT(result.peak_flops_per_second, result.flops_per_step * 4 / result.seconds);
}

TEST(BenchStep, LeavesPaddingOutAndSplitsItsTime) {
  const auto alone = make_alone_communicator();
  BenchStepRequest request = small_request();
  const double dense = bench_step(request, *alone).flops_per_step;
  request.ragged = true;
  const BenchStepResult result = bench_step(request, *alone);
  EXPECT_GT(result.padding_fraction, 0.2);
  EXPECT_NEAR(result.flops_per_step / dense, 1 - result.padding_fraction, 0.01);
  EXPECT_GT(result.forward_seconds, 0);
  EXPECT_GT(result.backward_seconds, 0);
  EXPECT_GT(result.update_seconds, 0);
  EXPECT_LE(result.forward_seconds + result.backward_seconds + result.update_seconds,
            result.time.compute);
  EXPECT_LE(result.time.compute, result.seconds);
}

}  // namespace
}  // namespace lockstep
