// How fast ranks exchange: the measurement behind `lockstep bench comm`.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "trainer/comm/communicator.h"

namespace lockstep {

/// One backend at one size.
struct SumFigure {
  std::string transport;  ///< "shared memory", "shared memory, copied", "messages"
  size_t bytes = 0;
  double seconds = 0;  ///< of one all-reduce, on the slowest rank

  /// Bytes of one rank's values over time.
  double algorithm_bandwidth() const { return static_cast<double>(bytes) / seconds; }
  /// What a link of each rank carries at least in any algorithm that only moves values between
  /// ranks: 2 (N - 1) / N times the former, so that figures of different world sizes compare (as
  /// nccl-tests define it).
  double bus_bandwidth(int world_size) const {
    return algorithm_bandwidth() * 2 * (world_size - 1) / world_size;
  }
};

/// Times sums of each size in bytes (multiples of 4) on `values`, host memory that holds the
/// largest, for about that many seconds each; checks the result of each size first and throws
/// Error(bug) when it is wrong. Collective.
std::vector<SumFigure> bench_sums(Communicator& exchange, const std::string& transport,
                                  const std::vector<size_t>& sizes, float* values,
                                  double seconds_per_size);

}  // namespace lockstep
