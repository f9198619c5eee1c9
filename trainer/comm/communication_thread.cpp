#include "trainer/comm/communication_thread.h"

#include <utility>

#include "data/base/trace.h"

namespace lockstep {

CommunicationThread::~CommunicationThread() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void CommunicationThread::start(const SumRequest& request) {
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    urgent_ = false;
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  changed_.notify_all();
}

void CommunicationThread::complete() {
  if (!thread_.joinable()) return;
  std::unique_lock lock(mutex_);
  waited_from_ = std::chrono::steady_clock::now();
  urgent_ = true;
  changed_.wait(lock, [this] { return requests_.empty(); });
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void CommunicationThread::run() {
  Trace::name_thread("communication");
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || !requests_.empty(); });
    if (stop_) return;
    const SumRequest& request = requests_.front();  // stays where it is while more are added
    lock.unlock();
    const auto begin = std::chrono::steady_clock::now();
    try {
      const TraceSpan span("sum of a bucket");
      if (!failure_) work_(request);
    } catch (...) {
      failure_ = std::current_exception();
    }
    lock.lock();
    const auto end = urgent_ ? waited_from_ : std::chrono::steady_clock::now();
    const double hidden = std::chrono::duration<double>(end - begin).count();
    if (hidden > 0) hidden_seconds_ = hidden_seconds_ + hidden;
    requests_.pop_front();
    if (requests_.empty()) changed_.notify_all();
  }
}

}  // namespace lockstep
