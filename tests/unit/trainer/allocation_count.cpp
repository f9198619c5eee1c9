// Replaces this program's operator new; LibTorch takes tensors' memory elsewhere, and reports it.
#include "tests/unit/trainer/allocation_count.h"

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <cstdlib>
#include <memory>
#include <new>

namespace {

thread_local int64_t allocations = 0;

class TensorMemoryCount : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t bytes, size_t, size_t, c10::Device) override {
    if (bytes > 0) ++allocations;
  }
  bool memoryProfilingEnabled() const override { return true; }
};

}  // namespace

#if LOCKSTEP_COUNTS_NEW
void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
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
  const int64_t before = allocations;
  work();
  return allocations - before;
}

}  // namespace lockstep
