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
    if (end_ == requests_.size()) requests_.emplace_back();
    requests_[end_++] = request;
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
  changed_.wait(lock, [this] { return next_ == end_; });
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void CommunicationThread::run() {
  Trace::name_thread("communication");
  SumRequest request;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || next_ < end_; });
    if (stop_) return;
    request = requests_[next_];  // whose place may move while more are added
    lock.unlock();
    const auto begin = std::chrono::steady_clock::now();
    work_on(request);
    lock.lock();
    const auto end = urgent_ ? waited_from_ : std::chrono::steady_clock::now();
    const double hidden = std::chrono::duration<double>(end - begin).count();
    if (hidden > 0) hidden_seconds_ = hidden_seconds_ + hidden;
    if (++next_ < end_) continue;
    next_ = end_ = 0;
    changed_.notify_all();
  }
}

void CommunicationThread::work_on(const SumRequest& request) {
  const TraceSpan span("sum of a bucket");
  try {
    if (!failure_) work_(request);
  } catch (...) {
    failure_ = std::current_exception();
  }
}

}  // namespace lockstep
