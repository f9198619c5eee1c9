// Sums that go on while the rank computes.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "trainer/comm/communicator.h"

namespace lockstep {

/// Works through requests in order on a thread of its own, which starts with the first request. The
/// thread naps between looks at what it waits for until somebody waits for it.
class CommunicationThread {
 public:
  /// `work` does one request; its exceptions come out of complete().
  explicit CommunicationThread(std::function<void(const SumRequest&)> work)
      : work_(std::move(work)) {}
  ~CommunicationThread();
  CommunicationThread(const CommunicationThread&) = delete;
  CommunicationThread& operator=(const CommunicationThread&) = delete;

  void start(const SumRequest& request);
  /// Waits until all requests are done; rethrows the first failure.
  void complete();

  /// True while somebody waits, so that waiting costs nothing else; also when nothing was started.
  const std::atomic<bool>& urgent() const { return urgent_; }

  /// How long requests have been worked on while nobody waited.
  double hidden_seconds() const { return hidden_seconds_.load(); }

 private:
  void run();
  void work_on(const SumRequest& request);

  std::function<void(const SumRequest&)> work_;
  std::atomic<bool> urgent_{true};
  std::mutex mutex_;
  std::condition_variable changed_;
  /// Requests from `next_` on are to be done, up to `end_`; their places are used again when all
  /// are.
  std::vector<SumRequest> requests_;
  size_t next_ = 0;
  size_t end_ = 0;
  std::exception_ptr failure_;
  std::atomic<double> hidden_seconds_{0};
  std::chrono::steady_clock::time_point waited_from_;  ///< when urgent_ last became true
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace lockstep
