// Memory of tensors that is kept for later ones.
#include "trainer/tensor_cache.h"

#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "tests/unit/trainer/allocation_count.h"

namespace lockstep {
namespace {

using Memory = std::vector<c10::DataPtr>;

TEST(TensorCache, GivesWhatCameBackLast) {
  TensorCache cache;
  void* first = cache.allocate(1000).get();
  void* again = cache.allocate(900).get();  // of the same size: 1024
  EXPECT_EQ(again, first);
  EXPECT_EQ(cache.counts().blocks, 2);
  EXPECT_EQ(cache.counts().bytes, 1900);
  EXPECT_EQ(cache.counts().system_blocks, 1);
  const c10::DataPtr one = cache.allocate(1000), other = cache.allocate(1000);
  EXPECT_EQ(one.get(), first);
  EXPECT_NE(other.get(), first);
  EXPECT_EQ(cache.counts().system_blocks, 2);
}

TEST(TensorCache, BlocksAreAlignedAndHaveRoom) {
  TensorCache cache;
  Memory blocks;
  std::vector<size_t> sizes = {1, 63, 64, 65};
  for (size_t power = 7; power < 24; ++power) {
    const size_t size = size_t{1} << power;
    for (const size_t near : {size - 1, size, size + 1, size + 3, size + 777})
      sizes.push_back(near);
  }
  for (size_t i = 0; i < sizes.size(); ++i) {
    blocks.push_back(cache.allocate(sizes[i]));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(blocks[i].get()) % TensorCache::kAlignment, 0u);
    std::memset(blocks[i].get(), static_cast<int>(i), sizes[i]);
  }
  for (size_t i = 0; i < sizes.size(); ++i) {  // none overlaps another
    const auto* bytes = static_cast<const unsigned char*>(blocks[i].get());
    EXPECT_EQ(bytes[0], static_cast<unsigned char>(i)) << sizes[i];
    EXPECT_EQ(bytes[sizes[i] - 1], static_cast<unsigned char>(i)) << sizes[i];
  }
  size_t asked = 0;
  for (const size_t size : sizes) asked += size;
  EXPECT_LE(cache.counts().in_use, asked * 9 / 8 + 64 * sizes.size());
}

TEST(TensorCache, NothingIsANullPointer) {
  TensorCache cache;
  const c10::DataPtr nothing = cache.allocate(0);
  EXPECT_EQ(nothing.get(), nullptr);
  cache.raw_deallocate(nullptr);
  EXPECT_EQ(cache.counts().blocks, 0);
}

TEST(TensorCache, ALargerBlockServesDownToAQuarter) {
  TensorCache cache;
  void* large = cache.allocate(1 << 20).get();
  EXPECT_EQ(cache.allocate(1 << 19).get(), large);
  EXPECT_EQ(cache.allocate(1 << 18).get(), large);
  EXPECT_EQ(cache.counts().system_blocks, 1);
  EXPECT_NE(cache.allocate(1 << 17).get(), large) << "kept for those who need it";
  EXPECT_EQ(cache.counts().system_blocks, 2);
}

TEST(TensorCache, RaggedSizesStopAskingTheSystem) {
  TensorCache cache;
  int64_t before = -1;
  for (int epoch = 0; epoch < 3; ++epoch) {
    before = cache.counts().system_blocks;
    for (size_t batch = 0; batch < 200; ++batch) {
      const size_t length = 1 + batch * 37 % 100;
      Memory step;
      for (size_t layer = 1; layer < 5; ++layer)
        step.push_back(cache.allocate(length * 640 * layer));
    }
  }
  EXPECT_EQ(cache.counts().system_blocks, before);
  EXPECT_LE(cache.counts().kept, TensorCache::kLeastKept);
}

TEST(TensorCache, KeepsHalfOfWhatWasInUseAndDropsTheOldest) {
  TensorCache cache(/*least_kept=*/0);
  constexpr size_t kSize = 1 << 16;
  const auto two = [&](size_t size) {
    const c10::DataPtr a = cache.allocate(size), b = cache.allocate(size);
  };
  {
    Memory all;
    for (int i = 0; i < 8; ++i) all.push_back(cache.allocate(kSize));
  }
  EXPECT_EQ(cache.counts().most_in_use, 8 * kSize);
  EXPECT_EQ(cache.counts().kept, 4 * kSize);
  two(2 * kSize);  // another size
  EXPECT_EQ(cache.counts().kept, 4 * kSize);
  const int64_t asked = cache.counts().system_blocks;
  two(2 * kSize);
  EXPECT_EQ(cache.counts().system_blocks, asked) << "the newer ones have stayed";
  cache.release();
  EXPECT_EQ(cache.counts().kept, 0u);
  EXPECT_EQ(cache.counts().in_use, 0u);
  two(2 * kSize);
  EXPECT_EQ(cache.counts().system_blocks, asked + 2);
}

TEST(TensorCache, MoreThanThereIsIsAnError) {
  TensorCache cache;
  cache.allocate(1000);
  EXPECT_THROW(cache.allocate(SIZE_MAX), c10::Error);
  EXPECT_GT(cache.counts().kept, 0u);
#if LOCKSTEP_COUNTS_NEW  // a sanitizer ends the process
  EXPECT_THROW(cache.allocate(size_t{1} << 50), c10::Error);
  EXPECT_EQ(cache.counts().kept, 0u) << "another try without what is kept";
#endif
  EXPECT_EQ(cache.counts().in_use, 0u);
}

TEST(TensorCache, BlocksMayEndOnAnotherThread) {
  TensorCache cache;
  const auto work = [&](size_t seed) {
    for (size_t i = 0; i < 2000; ++i) {
      const size_t size = 1 + (seed + i * 7919) % 9000;
      c10::DataPtr block = cache.allocate(size);
      std::memset(block.get(), 1, size);
    }
  };
  c10::DataPtr handed = cache.allocate(5000);
  {
    std::vector<std::thread> threads;
    for (size_t seed = 0; seed < 3; ++seed) threads.emplace_back(work, seed);
    threads.emplace_back([&] { handed.clear(); });
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(cache.counts().blocks, 3 * 2000 + 1);
  EXPECT_EQ(cache.counts().in_use, 0u);
}

}  // namespace
}  // namespace lockstep
