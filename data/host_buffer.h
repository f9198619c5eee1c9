// Memory for batches: aligned for vector loads, or page-locked when a GPU will read it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace lockstep {

/// Where batch memory comes from. The data engine knows no GPU: the trainer passes functions that
/// page-lock memory when the device is one.
struct HostAllocator {
  std::function<void*(size_t bytes)> allocate;  ///< 64-byte aligned; throws when out of memory
  std::function<void(void*)> release;

  /// Plain aligned memory.
  static HostAllocator aligned();
  /// In large pages where the system has them: for much memory that is read in random order.
  static HostAllocator large_pages();
};

/// A block of memory that only ever grows, so that a steady state allocates nothing.
class HostBuffer {
 public:
  HostBuffer() = default;
  explicit HostBuffer(HostAllocator allocator) : allocator_(std::move(allocator)) {}

  /// Makes room for `bytes`; contents are lost when it has to grow.
  void reserve(size_t bytes);
  size_t capacity() const { return capacity_; }

  template <class T>
  T* as() {
    return static_cast<T*>(memory_.get());
  }
  template <class T>
  const T* as() const {
    return static_cast<const T*>(memory_.get());
  }

 private:
  HostAllocator allocator_ = HostAllocator::aligned();
  std::unique_ptr<void, std::function<void(void*)>> memory_{nullptr, [](void*) {}};
  size_t capacity_ = 0;
};

}  // namespace lockstep
