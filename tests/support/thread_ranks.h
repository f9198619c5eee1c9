// Threads that play ranks: a Communicator for each, over ordinary memory, so that whatever works
// with ranks can be tested in one process (and under ThreadSanitizer).
#pragma once

#include <barrier>
#include <cstring>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "trainer/comm/communication_thread.h"
#include "trainer/comm/communicator.h"
#include "trainer/comm/node_transport.h"

namespace lockstep {

/// What the ranks share.
class ThreadWorld {
 public:
  explicit ThreadWorld(int size) : size_(size), parts_(static_cast<size_t>(size)), meeting_(size) {
    counters_ = std::vector<ArrivalCounter>(static_cast<size_t>(size));
    staging_.resize(static_cast<size_t>(size), std::vector<float>(kStaging));
    bases_.resize(static_cast<size_t>(size));
  }

  int size() const { return size_; }

  NodeTransport::Shared shared() {
    NodeTransport::Shared shared;
    for (auto& counter : counters_) shared.counters.push_back(&counter);
    for (auto& staging : staging_) shared.staging.push_back(staging.data());
    shared.staging_count = kStaging;
    return shared;
  }

  std::vector<std::string> gather(int rank, const std::string& bytes) {
    parts_[static_cast<size_t>(rank)] = bytes;
    meeting_.arrive_and_wait();
    std::vector<std::string> all = parts_;
    meeting_.arrive_and_wait();
    return all;
  }

  /// One array per rank, 64-byte aligned; the caller's is bases[rank].
  std::vector<float*> allocate(int rank, size_t count) {
    const size_t bytes = (count * sizeof(float) + 63) / 64 * 64 + 64;
    auto* memory = static_cast<float*>(std::aligned_alloc(64, bytes));
    std::memset(memory, 0, bytes);
    {
      const std::lock_guard lock(mutex_);
      memory_.emplace_back(memory, &std::free);
      bases_[static_cast<size_t>(rank)] = memory;
    }
    meeting_.arrive_and_wait();
    std::vector<float*> all = bases_;
    meeting_.arrive_and_wait();
    return all;
  }

 private:
  static constexpr size_t kStaging = 1024;  // small, so that tests go through it several times

  int size_;
  std::vector<std::string> parts_;
  std::barrier<> meeting_;
  std::vector<ArrivalCounter> counters_;
  std::vector<std::vector<float>> staging_;
  std::mutex mutex_;
  std::vector<float*> bases_;
  std::deque<std::unique_ptr<float, void (*)(void*)>> memory_;
};

class ThreadCommunicator : public Communicator {
 public:
  ThreadCommunicator(ThreadWorld& world, int rank)
      : world_(world),
        transport_(rank, world.shared()),
        thread_([this](const SumRequest& request) { work(request); }) {
    place_ = {rank, world.size(), rank, world.size(), "localhost"};
  }

  const Place& place() const override { return place_; }
  std::string name() const override { return "threads"; }

  float* allocate(size_t count) override {
    std::vector<float*> bases = world_.allocate(rank(), count);
    transport_.add_area(bases, count);
    return bases[static_cast<size_t>(rank())];
  }
  void sum(const SumRequest& request) override {
    thread_.complete();
    work(request);
  }
  void start_sum(const SumRequest& request) override { thread_.start(request); }
  void complete_sums() override { thread_.complete(); }
  void all_gather(float* values, const std::vector<Span>& kept) override {
    if (transport_.in_area(values)) {
      transport_.all_gather(values, kept, {});
      return;
    }
    const Span own = kept[static_cast<size_t>(rank())];
    const auto all = world_.gather(
        rank(), std::string(reinterpret_cast<const char*>(values + own.begin), own.size() * 4));
    for (size_t r = 0; r < kept.size(); ++r) {
      std::memcpy(values + kept[r].begin, all[r].data(), all[r].size());
    }
  }
  void broadcast(float* values, size_t count, int root) override {
    const auto* bytes = reinterpret_cast<const char*>(values);
    const auto all = world_.gather(rank(), std::string(bytes, count * sizeof(float)));
    std::memcpy(values, all[static_cast<size_t>(root)].data(), count * sizeof(float));
  }
  std::vector<std::string> all_gather_bytes(const std::string& bytes) override {
    return world_.gather(rank(), bytes);
  }
  std::string broadcast_bytes(const std::string& bytes, int root) override {
    return world_.gather(rank(), bytes)[static_cast<size_t>(root)];
  }
  void sum_on_all(std::vector<int64_t>& values) override {
    const size_t size = values.size() * sizeof(int64_t);
    const auto all =
        world_.gather(rank(), std::string(reinterpret_cast<const char*>(values.data()), size));
    std::vector<int64_t> part(values.size());
    std::fill(values.begin(), values.end(), 0);
    for (const std::string& bytes : all) {
      std::memcpy(part.data(), bytes.data(), size);
      for (size_t i = 0; i < values.size(); ++i) values[i] += part[i];
    }
  }
  void barrier() override { world_.gather(rank(), ""); }
  void keep_rank_states_in(const std::filesystem::path&) override {}

 private:
  void work(const SumRequest& request) {
    const Patience patience{&thread_.urgent()};
    if (request.kept.empty()) {
      transport_.all_reduce(request.values, request.count, patience);
    } else {
      transport_.reduce_scatter(request.values, request.kept, patience);
    }
  }

  ThreadWorld& world_;
  Place place_;
  NodeTransport transport_;
  CommunicationThread thread_;
};

/// Runs `work` on a thread per rank; rethrows the failure of the lowest rank that failed. Failures
/// must happen on all ranks alike, else the others wait for ever.
inline void on_thread_ranks(int size, const std::function<void(Communicator&)>& work) {
  ThreadWorld world(size);
  std::vector<std::exception_ptr> failures(static_cast<size_t>(size));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        ThreadCommunicator communicator(world, rank);
        work(communicator);
      } catch (...) {
        failures[static_cast<size_t>(rank)] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace lockstep
