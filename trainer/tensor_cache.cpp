#include "trainer/tensor_cache.h"

#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <bit>
#include <cstdlib>

namespace lockstep {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitizer = true;
#else
constexpr bool kSanitizer = false;
#endif

constexpr size_t kStepsPerDoubling = 8;
/// Up to four times as large. Twice would leave more blocks lying about (100 steps of Multi30k,
/// whose tensors have 393 MB at most: 588 instead of 547 MB); with no limit small tensors that stay
/// could hold what large ones need.
constexpr size_t kMostStepsAbove = 2 * kStepsPerDoubling;
constexpr size_t kUnit = TensorCache::kAlignment;

}  // namespace

struct alignas(TensorCache::kAlignment) TensorCache::Block {
  TensorCache* cache;
  size_t index;       ///< of its size
  uint64_t returned;  ///< when it last came back
  Block* older;       ///< neighbours among those kept; null where there is none
  Block* newer;

  void* memory() { return this + 1; }
  static Block* of(void* memory) { return static_cast<Block*>(memory) - 1; }
};

/// Of the smallest block with room for `bytes` > 0: in units, 1, 2, ... 8, then 9, 10, ... 16,
/// then 18, 20, ... 32 and so on.
size_t TensorCache::size_index(size_t bytes) {
  const size_t units = (bytes - 1) / kUnit + 1;
  if (units <= kStepsPerDoubling) return units - 1;
  const int shift = std::max(static_cast<int>(std::bit_width(units - 1)) - 4, 0);
  return kStepsPerDoubling * static_cast<size_t>(shift) + ((units - 1) >> shift);
}

size_t TensorCache::size_at(size_t index) {
  size_t bytes = (index % kStepsPerDoubling + 1) * kUnit;
  if (index < kStepsPerDoubling) return bytes;
  bytes += kStepsPerDoubling * kUnit;
  for (size_t at = 2 * kStepsPerDoubling; at <= index; at += kStepsPerDoubling) bytes *= 2;
  return bytes;
}

void TensorCache::KeptBlocks::add(Block* block) {
  block->older = newest;
  block->newer = nullptr;
  (newest == nullptr ? oldest : newest->newer) = block;
  newest = block;
}

TensorCache::Block* TensorCache::KeptBlocks::take_newest() {
  Block* block = newest;
  newest = block->older;
  (newest == nullptr ? oldest : newest->newer) = nullptr;
  return block;
}

TensorCache::Block* TensorCache::KeptBlocks::take_oldest() {
  Block* block = oldest;
  oldest = block->newer;
  (oldest == nullptr ? newest : oldest->older) = nullptr;
  return block;
}

TensorCache::~TensorCache() {
  release();
}

c10::DataPtr TensorCache::allocate(size_t bytes) {
  const c10::Device device(c10::DeviceType::CPU);
  if (bytes == 0) return {nullptr, nullptr, &TensorCache::give_back, device};
  TORCH_CHECK(bytes <= SIZE_MAX / 4, "a tensor of ", bytes, " bytes");
  const size_t index = size_index(bytes);
  std::unique_lock lock(mutex_);
  Block* block = take_kept(index);
  if (block == nullptr) {
    lock.unlock();
    block = from_system(index);
    lock.lock();
  }
  ++counts_.blocks;
  counts_.bytes += static_cast<int64_t>(bytes);
  counts_.in_use += size_at(block->index);
  counts_.most_in_use = std::max(counts_.most_in_use, counts_.in_use);
  lock.unlock();
  void* memory = block->memory();
  c10::profiledCPUMemoryReporter().New(memory, bytes);
  return {memory, memory, &TensorCache::give_back, device};
}

TensorCache::Block* TensorCache::take_kept(size_t index) {
  const size_t end = std::min(index + kMostStepsAbove + 1, kNumSizes);
  for (size_t size = index; size < end; ++size) {
    if (kept_[size].newest == nullptr) continue;
    counts_.kept -= size_at(size);
    return kept_[size].take_newest();
  }
  return nullptr;
}

TensorCache::Block* TensorCache::from_system(size_t index) {
  const size_t bytes = size_at(index);
  void* place = std::aligned_alloc(kAlignment, sizeof(Block) + bytes);
  if (place == nullptr) {
    release();
    place = std::aligned_alloc(kAlignment, sizeof(Block) + bytes);
  }
  TORCH_CHECK_WITH(OutOfMemoryError, place != nullptr, "this host has no memory for a tensor of ",
                   bytes, " bytes: make the batch or the model smaller, or start fewer ranks here");
  const std::lock_guard lock(mutex_);
  ++counts_.system_blocks;
  counts_.system_bytes += static_cast<int64_t>(bytes);
  return new (place) Block{this, index, 0, nullptr, nullptr};
}

void TensorCache::give_back(void* memory) {
  if (memory == nullptr) return;
  c10::profiledCPUMemoryReporter().Delete(memory);
  Block* block = Block::of(memory);
  block->cache->keep(block);
}

void TensorCache::keep(Block* block) {
  const size_t bytes = size_at(block->index);
  const std::lock_guard lock(mutex_);
  counts_.in_use -= bytes;
  counts_.kept += bytes;
  block->returned = ++returns_;
  kept_[block->index].add(block);
  while (counts_.kept > std::max(least_kept_, counts_.most_in_use / 2)) {
    std::free(remove_oldest());
  }
}

/// Of what is kept, which is something.
TensorCache::Block* TensorCache::remove_oldest() {
  KeptBlocks* longest = nullptr;
  for (KeptBlocks& blocks : kept_) {
    if (blocks.oldest == nullptr) continue;
    if (longest == nullptr || blocks.oldest->returned < longest->oldest->returned) {
      longest = &blocks;
    }
  }
  Block* block = longest->take_oldest();
  counts_.kept -= size_at(block->index);
  return block;
}

void TensorCache::release() {
  const std::lock_guard lock(mutex_);
  while (counts_.kept > 0) std::free(remove_oldest());
}

void TensorCache::copy_data(void* to, const void* from, size_t bytes) const {
  default_copy_data(to, from, bytes);
}

TensorCache::Counts TensorCache::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

namespace {

/// Never ends: tensors of static objects may end after it.
TensorCache& the_tensor_cache() {
  static TensorCache& cache = *new TensorCache;
  return cache;
}

}  // namespace

void use_tensor_cache() {
  if (kSanitizer) return;
  constexpr uint8_t kAboveLibTorchsOwn = 1;
  static const bool set = [] {
    c10::SetCPUAllocator(&the_tensor_cache(), kAboveLibTorchsOwn);
    return true;
  }();
  static_cast<void>(set);
}

TensorCache::Counts tensor_cache_counts() {
  return the_tensor_cache().counts();
}

}  // namespace lockstep
