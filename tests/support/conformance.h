// What every communication backend must do, against sums worked out by hand. Throws
// std::runtime_error saying what does not hold; collective.
#pragma once

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "trainer/comm/communicator.h"

namespace lockstep::conformance {

inline void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error("does not hold: " + what);
}

inline float value_of(int rank, size_t i) {
  return static_cast<float>((rank + 1) * 1000 + i % 97) / 8;
}

inline std::vector<float> values_of(int rank, size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = value_of(rank, i);
  return values;
}

/// Memory for an exchange: of the backend's own where it has some, else an ordinary array.
class Memory {
 public:
  Memory(Communicator& comm, size_t count, bool shared) : ordinary_(count) {
    float* allocated = shared ? comm.allocate(count) : nullptr;
    values_ = allocated != nullptr ? allocated : ordinary_.data();
  }
  float* values() { return values_; }

 private:
  std::vector<float> ordinary_;
  float* values_ = nullptr;
};

inline void sums(Communicator& comm) {
  for (const bool shared : {false, true}) {
    for (const size_t count : {size_t{0}, size_t{1}, size_t{7}, size_t{1000}, size_t{100003}}) {
      Memory memory(comm, count, shared);
      const std::vector<float> own = values_of(comm.rank(), count);
      std::copy(own.begin(), own.end(), memory.values());
      comm.sum({memory.values(), count});
      for (size_t i = 0; i < count; ++i) {
        float want = 0;  // eighths of small integers: every order of adding gives the same
        for (int rank = 0; rank < comm.world_size(); ++rank) want += value_of(rank, i);
        require(memory.values()[i] == want, "sum of " + std::to_string(count) + " values");
      }
    }
  }
}

/// Values for which the order of adding shows in the last bits.
inline float rough(int rank, size_t i) {
  return 1.0f / static_cast<float>(3 + rank * 7 + i % 13);
}

inline float tree_of_rough(int size, size_t i) {
  std::vector<float> level;
  for (int rank = 0; rank < size; ++rank) level.push_back(rough(rank, i));
  while (level.size() > 1) {
    std::vector<float> next;
    for (size_t k = 0; k < level.size(); k += 2) next.push_back(level[k] + level[k + 1]);
    level = next;
  }
  return level[0];
}

inline bool power_of_two(int size) {
  return (size & (size - 1)) == 0;
}

inline void tree_sums(Communicator& comm) {
  if (!power_of_two(comm.world_size())) return;
  for (const bool shared : {false, true}) {
    for (const size_t count : {size_t{1}, size_t{3}, size_t{1001}, size_t{70001}}) {
      Memory memory(comm, count, shared);
      for (size_t i = 0; i < count; ++i) memory.values()[i] = rough(comm.rank(), i);
      comm.sum({memory.values(), count, SumOrder::tree});
      for (size_t i = 0; i < count; ++i) {
        require(memory.values()[i] == tree_of_rough(comm.world_size(), i),
                "tree sum of " + std::to_string(count) + " values, bit for bit");
      }
    }
  }
}

/// Rounded on the way or not (within a host nothing travels): close to the sum, and the same to
/// the bit on every rank.
inline void rounded_sums(Communicator& comm) {
  for (const bool shared : {false, true}) {
    for (const size_t count : {size_t{1}, size_t{3}, size_t{1001}, size_t{70001}}) {
      Memory memory(comm, count, shared);
      for (size_t i = 0; i < count; ++i) memory.values()[i] = rough(comm.rank(), i);
      comm.sum({memory.values(), count, SumOrder::fastest, {}, WireType::bfloat16});
      for (size_t i = 0; i < count; ++i) {
        float want = 0;
        for (int rank = 0; rank < comm.world_size(); ++rank) want += rough(rank, i);
        require(std::abs(memory.values()[i] - want) <= want / 128,
                "rounded sum of " + std::to_string(count) + " values");
      }
      const std::string own(reinterpret_cast<const char*>(memory.values()), count * sizeof(float));
      for (const std::string& other : comm.all_gather_bytes(own)) {
        require(other == own, "a rounded sum is the same on all ranks");
      }
    }
  }
}

/// Buckets that are begun one after the other while others are still to come.
inline void started_sums(Communicator& comm) {
  constexpr size_t kBuckets = 5, kSize = 3000;
  Memory memory(comm, kBuckets * kSize, true);
  for (int round = 0; round < 20; ++round) {
    for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
      float* values = memory.values() + bucket * kSize;
      for (size_t i = 0; i < kSize; ++i) values[i] = value_of(comm.rank() + round, i);
      if (bucket + 1 < kBuckets) {
        comm.start_sum({values, kSize});
      } else {
        comm.sum({values, kSize});
      }
    }
    for (size_t i = 0; i < kBuckets * kSize; ++i) {
      float want = 0;
      for (int rank = 0; rank < comm.world_size(); ++rank)
        want += value_of(rank + round, i % kSize);
      require(memory.values()[i] == want, "sum of a bucket begun before");
    }
  }
  comm.complete_sums();  // nothing is left: returns at once
}

/// Reduce-scatter and all-gather with uneven shards, one of them empty.
inline void shards(Communicator& comm) {
  const int size = comm.world_size();
  const auto ranks = static_cast<size_t>(size);
  std::vector<Span> kept;
  size_t end = 0;
  for (size_t rank = 0; rank < ranks; ++rank) {
    const size_t begin = end;
    end += rank == 1 ? 0 : 100 * (rank + 1);
    kept.push_back({begin, end});
  }
  const std::pair<SumOrder, WireType> kinds[] = {{SumOrder::fastest, WireType::float32},
                                                 {SumOrder::tree, WireType::float32},
                                                 {SumOrder::fastest, WireType::bfloat16}};
  for (const auto& [order, wire] : kinds) {
    if (order == SumOrder::tree && !power_of_two(size)) continue;
    const float tolerance = wire == WireType::bfloat16 ? 1.0f / 128 : 0;
    Memory memory(comm, end, true);
    for (size_t i = 0; i < end; ++i) {
      memory.values()[i] =
          order == SumOrder::tree ? rough(comm.rank(), i) : value_of(comm.rank(), i);
    }
    comm.sum({memory.values(), end, order, kept, wire});
    const auto want = [&](size_t i) {
      if (order == SumOrder::tree) return tree_of_rough(size, i);
      float sum = 0;
      for (int rank = 0; rank < size; ++rank) sum += value_of(rank, i);
      return sum;
    };
    const Span own = kept[static_cast<size_t>(comm.rank())];
    for (size_t i = own.begin; i < own.end; ++i) {
      require(std::abs(memory.values()[i] - want(i)) <= tolerance * want(i), "reduce-scatter");
    }
    for (size_t i = 0; i < end; ++i) {
      if (i < own.begin || i >= own.end) memory.values()[i] = -1;
    }
    comm.all_gather(memory.values(), kept);
    for (size_t i = 0; i < end; ++i) {
      require(std::abs(memory.values()[i] - want(i)) <= tolerance * want(i), "all-gather");
    }
  }
}

inline void broadcasts(Communicator& comm) {
  for (int root = 0; root < comm.world_size(); ++root) {
    std::vector<float> values = values_of(comm.rank(), 500);
    comm.broadcast(values.data(), values.size(), root);
    require(values == values_of(root, 500), "broadcast from " + std::to_string(root));
    const std::string bytes =
        comm.broadcast_bytes(std::string(3 * root, static_cast<char>('a' + root)), root);
    require(bytes == std::string(3 * root, static_cast<char>('a' + root)), "broadcast of bytes");
  }
}

inline void gathers(Communicator& comm) {
  const auto text = [](int rank) {
    return std::string(static_cast<size_t>(rank * 5), 'x') + std::to_string(rank);
  };
  const std::vector<std::string> all = comm.all_gather_bytes(text(comm.rank()));
  require(static_cast<int>(all.size()) == comm.world_size(), "one part per rank");
  for (int rank = 0; rank < comm.world_size(); ++rank)
    require(all[rank] == text(rank), "gathered part");
  std::vector<int64_t> counts = {1, comm.rank(), int64_t{1} << 40};
  comm.sum_on_all(counts);
  const int64_t n = comm.world_size();
  require(counts == std::vector<int64_t>{n, n * (n - 1) / 2, n << 40}, "sums of counts");
  comm.barrier();
}

inline void errors_are_shared(Communicator& comm) {
  together(comm, [] {});
  const int last = comm.world_size() - 1;
  try {
    together(comm, [&] {
      if (comm.rank() == last)
        throw Error(ExitCode::corrupt, "shard 7 is damaged", "import it again");
    });
  } catch (const JobError& error) {
    require(error.code() == ExitCode::corrupt, "the code of the failing rank");
    require(std::string(error.what()).find("shard 7 is damaged") != std::string::npos,
            "its message");
    require(error.hint() == "import it again", "its hint");
    const bool named =
        std::string(error.what()).find("rank " + std::to_string(last)) != std::string::npos;
    require(named == (comm.world_size() > 1), "the failing rank is named when others did not fail");
    return;
  }
  throw std::runtime_error("no JobError on this rank");
}

inline void check_all(Communicator& comm) {
  sums(comm);
  tree_sums(comm);
  rounded_sums(comm);
  started_sums(comm);
  shards(comm);
  broadcasts(comm);
  gathers(comm);
  errors_are_shared(comm);
}

}  // namespace lockstep::conformance
