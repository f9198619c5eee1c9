#include "data/host_buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace lockstep {
namespace {

constexpr std::align_val_t kAlignment{64};
constexpr size_t kLargePage = size_t{2} << 20;

}  // namespace

HostAllocator HostAllocator::aligned() {
  return {[](size_t bytes) { return ::operator new(bytes, kAlignment); },
          [](void* memory) { ::operator delete(memory, kAlignment); }};
}

HostAllocator HostAllocator::large_pages() {
  constexpr std::align_val_t alignment{kLargePage};
  return {[](size_t bytes) {
            void* memory = ::operator new(bytes, alignment);
            ::madvise(memory, bytes, MADV_HUGEPAGE);  // advice: memory is as good without
            return memory;
          },
          [](void* memory) { ::operator delete(memory, alignment); }};
}

void HostBuffer::reserve(size_t bytes) {
  if (bytes <= capacity_) return;
  // Ragged batches creep upwards; growing by half at least ends that after a few steps.
  const size_t grown = (std::max(bytes, capacity_ + capacity_ / 2) + 63) / 64 * 64;
  memory_.reset();
  capacity_ = 0;
  memory_ = {allocator_.allocate(grown), allocator_.release};
  capacity_ = grown;
}

}  // namespace lockstep
