#include "trainer/comm/node_transport.h"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "data/base/error.h"
#include "trainer/comm/tree_sum.h"

namespace lockstep {
namespace {

void pause_core() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// One round of waiting, `rounds` of which are over.
void wait_a_moment(Patience patience, int rounds) {
  constexpr int kSpins = 4000;  // some 40 us: longer than a rank on a core of its own lets us wait
  const bool eager = patience.eager == nullptr || patience.eager->load(std::memory_order_relaxed);
  if (!eager) {
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  } else if (rounds < kSpins) {
    pause_core();
  } else {
    ::sched_yield();
  }
}

}  // namespace

NodeTransport::NodeTransport(int local_rank, Shared shared)
    : local_rank_(local_rank), shared_(std::move(shared)) {
  LOCKSTEP_CHECK(shared_.counters.size() == shared_.staging.size(), "{} counters, {} stagings",
                 shared_.counters.size(), shared_.staging.size());
}

void NodeTransport::add_area(std::vector<float*> bases, size_t count) {
  LOCKSTEP_CHECK(bases.size() == shared_.counters.size(), "{} bases", bases.size());
  areas_.push_back({std::move(bases), count});
}

const NodeTransport::Area* NodeTransport::find_area(const float* values) const {
  for (const Area& area : areas_) {
    const float* base = area.bases[static_cast<size_t>(local_rank_)];
    if (values >= base && values < base + area.count) return &area;
  }
  return nullptr;
}

const std::vector<float*>& NodeTransport::counterparts(const float* values, size_t count) {
  const Area* area = find_area(values);
  LOCKSTEP_CHECK(area != nullptr, "these values are not in memory that the ranks share");
  const auto offset = static_cast<size_t>(values - area->bases[static_cast<size_t>(local_rank_)]);
  LOCKSTEP_CHECK(offset + count <= area->count, "{} values reach beyond their area", count);
  counterparts_.clear();
  for (float* base : area->bases) counterparts_.push_back(base + offset);
  return counterparts_;
}

void NodeTransport::meet(Patience patience) {
  std::atomic<uint64_t>& own = shared_.counters[static_cast<size_t>(local_rank_)]->count;
  const uint64_t goal = own.load(std::memory_order_relaxed) + 1;
  own.store(goal, std::memory_order_release);
  for (const ArrivalCounter* counter : shared_.counters) {
    for (int rounds = 0; counter->count.load(std::memory_order_acquire) < goal; ++rounds) {
      wait_a_moment(patience, rounds);
    }
  }
}

void NodeTransport::all_reduce(float* values, size_t count, Patience patience, int owners,
                               const BetweenHosts& between_hosts) {
  if (local_size() == 1 && !between_hosts) return;
  if (find_area(values) != nullptr) {
    all_reduce_shared(counterparts(values, count), count, patience, owners, between_hosts);
    return;
  }
  float* own = shared_.staging[static_cast<size_t>(local_rank_)];
  for (size_t begin = 0; begin < count; begin += shared_.staging_count) {
    const size_t size = std::min(shared_.staging_count, count - begin);
    std::memcpy(own, values + begin, size * sizeof(float));
    all_reduce_shared(shared_.staging, size, patience, owners, between_hosts);
    std::memcpy(values + begin, own, size * sizeof(float));
  }
}

void NodeTransport::all_reduce_shared(const std::vector<float*>& arrays, size_t count,
                                      Patience patience, int owners,
                                      const BetweenHosts& between_hosts) {
  meet(patience);
  if (local_rank_ < owners) {
    const Span slice = aligned_slice(count, local_rank_, owners);
    if (!between_hosts) {
      sum_arrays(arrays.data(), local_size(), arrays.data(), local_size(), slice.begin, slice.end);
    } else {
      float* own = arrays[static_cast<size_t>(local_rank_)];
      sum_arrays(arrays.data(), local_size(), &own, 1, slice.begin, slice.end);
      between_hosts(own + slice.begin, slice.size());
      for (float* array : arrays) {
        if (array == own) continue;
        std::memcpy(array + slice.begin, own + slice.begin, slice.size() * sizeof(float));
      }
    }
  }
  meet(patience);
}

void NodeTransport::reduce_scatter(float* values, const std::vector<Span>& kept,
                                   Patience patience) {
  if (local_size() == 1) return;
  const Span own = kept[static_cast<size_t>(local_rank_)];
  const std::vector<float*>& arrays = counterparts(values, kept.back().end);
  meet(patience);
  float* target = arrays[static_cast<size_t>(local_rank_)];
  sum_arrays(arrays.data(), local_size(), &target, 1, own.begin, own.end);
  meet(patience);
}

void NodeTransport::all_gather(float* values, const std::vector<Span>& kept, Patience patience) {
  if (local_size() == 1) return;
  const Span own = kept[static_cast<size_t>(local_rank_)];
  const std::vector<float*>& arrays = counterparts(values, kept.back().end);
  meet(patience);
  for (float* array : arrays) {
    if (array == values) continue;
    std::memcpy(array + own.begin, values + own.begin, own.size() * sizeof(float));
  }
  meet(patience);
}

}  // namespace lockstep
