// Memory for LibTorch's tensors on the CPU, kept when a tensor ends and given to a later one: the
// counterpart of what LibTorch has for GPUs. The tensors of a step end with it and the next step
// wants the same again; from malloc each would cost a walk through free lists, and the large ones
// page faults, as malloc gives their memory back to the system.
#pragma once

#include <c10/core/Allocator.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace lockstep {

/// Blocks have one of a few sizes, eight from each power of two to the next. A tensor gets a block
/// of its size, or the smallest one up to four times as large; of equal ones, that which was given
/// back last. Blocks that nobody has asked for longest go back to the system when more is kept than
/// half of what was ever in use at once (and more than `least_kept`): so ragged batches find all
/// they need after a while, and memory stays bounded.
///
/// Safe from several threads; a tensor may end on another thread than it began on.
class TensorCache : public c10::Allocator {
 public:
  static constexpr size_t kAlignment = 64;  ///< of every block, as LibTorch's own
  static constexpr size_t kLeastKept = size_t{64} << 20;

  explicit TensorCache(size_t least_kept = kLeastKept) : least_kept_(least_kept) {}
  /// All its tensors must have ended.
  ~TensorCache() override;
  TensorCache(const TensorCache&) = delete;
  TensorCache& operator=(const TensorCache&) = delete;

  /// Throws c10::Error when the system has no memory left, also without what is kept.
  c10::DataPtr allocate(size_t bytes) override;
  c10::DeleterFnPtr raw_deleter() const override { return &TensorCache::give_back; }
  void copy_data(void* to, const void* from, size_t bytes) const override;

  struct Counts {
    int64_t blocks = 0;         ///< asked for since the beginning, by tensors
    int64_t bytes = 0;          ///< in them
    int64_t system_blocks = 0;  ///< of them, how many the system was asked for
    int64_t system_bytes = 0;
    size_t in_use = 0;  ///< bytes, now
    size_t most_in_use = 0;
    size_t kept = 0;  ///< bytes that nobody uses, now
  };
  Counts counts() const;

  /// Gives all that nobody uses back to the system.
  void release();

 private:
  struct Block;  ///< lies in front of a tensor's memory
  static constexpr size_t kNumSizes = 8 * 64;

  static void give_back(void* memory);
  static size_t size_index(size_t bytes);
  static size_t size_at(size_t index);
  Block* take_kept(size_t index);
  Block* from_system(size_t index);
  void keep(Block* block);
  Block* remove_oldest();

  const size_t least_kept_;
  mutable std::mutex mutex_;
  /// Blocks of one size, in the order in which they came back. A list through the blocks
  /// themselves: keeping one needs no memory.
  struct KeptBlocks {
    Block* oldest = nullptr;
    Block* newest = nullptr;
    void add(Block* block);
    Block* take_newest();
    Block* take_oldest();
  };
  std::array<KeptBlocks, kNumSizes> kept_;
  uint64_t returns_ = 0;
  Counts counts_;
};

/// LibTorch's allocator for the CPU from the first call on; a sanitizer keeps LibTorch's own, in
/// which it sees who uses a tensor that has ended. Call it before there are other threads.
void use_tensor_cache();

/// What it counts; zeros where it is not used.
TensorCache::Counts tensor_cache_counts();

}  // namespace lockstep
