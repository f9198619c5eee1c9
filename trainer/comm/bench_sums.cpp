#include "trainer/comm/bench_sums.h"

#include <algorithm>
#include <chrono>

namespace lockstep {
namespace {

float value_of(int rank, size_t i) {
  return static_cast<float>(rank + 1) + static_cast<float>(i % 64);
}

void require_right_sum(Communicator& exchange, float* values, size_t count) {
  for (size_t i = 0; i < count; ++i) values[i] = value_of(exchange.rank(), i);
  exchange.sum({values, count});
  const auto ranks = static_cast<float>(exchange.world_size());
  for (size_t i = 0; i < count; ++i) {
    const float want = ranks * (ranks + 1) / 2 + ranks * static_cast<float>(i % 64);
    LOCKSTEP_CHECK(values[i] == want, "sum of {} values: value {} is {}, not {}", count, i,
                   values[i], want);
  }
}

double seconds_of(Communicator& exchange, float* values, size_t count, int64_t repetitions) {
  exchange.barrier();
  const auto begin = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < repetitions; ++i) exchange.sum({values, count});
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double slowest(Communicator& exchange, double seconds) {
  const std::vector<double> all = gather_numbers(exchange, seconds);
  return *std::max_element(all.begin(), all.end());
}

}  // namespace

std::vector<SumFigure> bench_sums(Communicator& exchange, const std::string& transport,
                                  const std::vector<size_t>& sizes, float* values,
                                  double seconds_per_size) {
  std::vector<SumFigure> figures;
  for (const size_t bytes : sizes) {
    const size_t count = bytes / sizeof(float);
    require_right_sum(exchange, values, count);
    std::fill_n(values, count, 0.0f);  // stays zero however often it is added
    const double once = slowest(exchange, seconds_of(exchange, values, count, 3) / 3);
    const auto repetitions =
        std::clamp(static_cast<int64_t>(seconds_per_size / once / 3), int64_t{2}, int64_t{200000});
    // The best of three rounds: whatever else the host does only ever makes a round slower.
    double best = once;
    for (int round = 0; round < 3; ++round) {
      const double seconds = seconds_of(exchange, values, count, repetitions);
      best = std::min(best, slowest(exchange, seconds / static_cast<double>(repetitions)));
    }
    figures.push_back({transport, bytes, best});
  }
  return figures;
}

}  // namespace lockstep
