// All-reduce between ranks of one host through memory that all of them see: each rank adds its
// slice of everybody's values, in place. No copies, no messages, two meetings.
//
// Knows nothing of where the memory comes from: an MPI window in a job (mpi_window.h), an ordinary
// array when threads play the ranks in a test.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "trainer/comm/span.h"

namespace lockstep {

/// How often a rank has arrived at a meeting; on a cache line of its own. Starts as zero bytes.
struct alignas(64) ArrivalCounter {
  std::atomic<uint64_t> count;
};
static_assert(std::atomic<uint64_t>::is_always_lock_free, "processes share it");

/// How a rank waits for others: `eager` keeps the core busy (and offers it now and then),
/// otherwise it naps, because the core has better things to do.
struct Patience {
  const std::atomic<bool>* eager = nullptr;  ///< null: always eager
};

class NodeTransport {
 public:
  /// What one rank of the host contributes to a shared area.
  struct Shared {
    std::vector<ArrivalCounter*> counters;  ///< of each local rank
    std::vector<float*> staging;            ///< of each local rank, `staging_count` values
    size_t staging_count = 0;
  };
  NodeTransport(int local_rank, Shared shared);

  /// Makes an area known: bases[r] is where this process sees local rank r's `count` values.
  void add_area(std::vector<float*> bases, size_t count);

  int local_size() const { return static_cast<int>(shared_.counters.size()); }

  /// Between hosts: what this rank does with its slice before all of the host get it. Called with
  /// the slice's values, on the first `owners` local ranks only.
  using BetweenHosts = std::function<void(float* values, size_t count)>;

  /// values[i] becomes the sum over the ranks of the host (and of the others, where
  /// `between_hosts` adds them), in the order of sum_arrays. Collective on the host. Fast when
  /// the values lie in an area; otherwise they are copied through the staging memory.
  void all_reduce(float* values, size_t count, Patience patience, int owners,
                  const BetweenHosts& between_hosts);
  void all_reduce(float* values, size_t count, Patience patience = {}) {
    all_reduce(values, count, patience, local_size(), {});
  }

  /// Rank r gets the sum of kept[r] of `values` only; what is outside of it is left as it is.
  /// `values` must lie in an area.
  void reduce_scatter(float* values, const std::vector<Span>& kept, Patience patience);
  /// The reverse: everybody gets kept[r] of rank r. `values` must lie in an area.
  void all_gather(float* values, const std::vector<Span>& kept, Patience patience);

  /// Whether `values` begins in an area, so that no copies are needed.
  bool in_area(const float* values) const { return find_area(values) != nullptr; }

 private:
  struct Area {
    std::vector<float*> bases;
    size_t count = 0;
  };

  const Area* find_area(const float* values) const;
  /// Where this process sees each rank's counterpart of `values`.
  const std::vector<float*>& counterparts(const float* values, size_t count);
  void all_reduce_shared(const std::vector<float*>& arrays, size_t count, Patience patience,
                         int owners, const BetweenHosts& between_hosts);
  /// Everything that a rank wrote before it came is visible to all that leave.
  void meet(Patience patience);

  int local_rank_;
  Shared shared_;
  std::vector<Area> areas_;
  std::vector<float*> counterparts_;
};

}  // namespace lockstep
