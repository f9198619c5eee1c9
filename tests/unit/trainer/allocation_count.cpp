// Replaces this program's operator new; LibTorch takes tensors' memory elsewhere, and reports it.
#include "tests/unit/trainer/allocation_count.h"

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>

namespace {

thread_local int64_t news = 0;
thread_local int64_t tensors = 0;
std::atomic<int64_t> all_news{0};

class TensorMemoryCount : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t bytes, size_t, size_t, c10::Device) override {
    if (bytes > 0) ++tensors;
  }
  bool memoryProfilingEnabled() const override { return true; }
};

}  // namespace

#if LOCKSTEP_COUNTS_NEW
void* operator new(std::size_t size) {
  ++news;
  all_news.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  ++news;
  all_news.fetch_add(1, std::memory_order_relaxed);
  const auto step = static_cast<std::size_t>(alignment);
  if (void* memory = std::aligned_alloc(step, (size + step) / step * step)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
#endif

namespace lockstep {

int64_t allocations_in(const std::function<void()>& work) {
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE,
                                  std::make_shared<TensorMemoryCount>());
  const int64_t before = news + tensors;
  work();
  return news + tensors - before;
}

int64_t news_here() {
  return news;
}

int64_t news_everywhere() {
  return all_news;
}

}  // namespace lockstep
