// What `lockstep bench lstm` asks: LSTM layers by themselves, forward and backward. Free of
// LibTorch types.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep {

struct BenchLstmRequest {
  int64_t hidden = 512;  ///< and as many inputs
  int64_t batch = 64;
  int64_t time = 35;
  int64_t layers = 1;
  std::string kernel = "auto";
  std::string precision = "float32";
  std::vector<int64_t> lengths;  ///< of the batch's sequences; empty: all have `time` steps
  double seconds = 0.5;          ///< how long to repeat, at least twice
};

struct BenchLstmFigures {
  double seconds = 0;  ///< of the fastest repetition
  double flops = 0;    ///< floating-point operations of its matrix products, of real steps only
};

/// One thread. The gradients of inputs and weights are made, as for a layer in the middle of a
/// network.
BenchLstmFigures bench_lstm(const BenchLstmRequest& request);

/// Floating-point operations per second of one core that does nothing but multiply-adds.
double measured_peak();

}  // namespace lockstep
