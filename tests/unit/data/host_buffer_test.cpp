#include "data/host_buffer.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "data/batch.h"
#include "tests/unit/base/temp_folder.h"

namespace lockstep {
namespace {

TEST(HostBuffer, GrowsOnlyAndIsAligned) {
  HostBuffer buffer;
  buffer.reserve(100);
  EXPECT_GE(buffer.capacity(), 100U);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.as<char>()) % 64, 0U);
  const char* before = buffer.as<char>();
  buffer.reserve(50);
  EXPECT_EQ(buffer.as<char>(), before);
  buffer.reserve(buffer.capacity() + 1);
  EXPECT_GE(buffer.capacity(), 150U);
}

TEST(HostBuffer, GivesMemoryBackToItsAllocator) {
  int live = 0;
  const HostAllocator plain = HostAllocator::aligned();
  const HostAllocator counting{[&](size_t bytes) { return ++live, plain.allocate(bytes); },
                               [&](void* memory) { --live, plain.release(memory); }};
  {
    HostBuffer first(counting);
    first.reserve(10);
    HostBuffer second(counting);
    second.reserve(10);
    first.reserve(10000);
    EXPECT_EQ(live, 2);
    second = std::move(first);
    EXPECT_EQ(live, 1);
  }
  EXPECT_EQ(live, 0);
}

TEST(Batch, NamesItsStreamsWhenAskedForAnother) {
  Batch batch;
  batch.streams.resize(2);
  batch.streams[0].name = "inputs";
  batch.streams[1].name = "classes";
  EXPECT_EQ(&batch.stream("classes"), &batch.streams[1]);
  testing::expect_error(ExitCode::config, "it has: inputs, classes", [&] { batch.stream("x"); });
}

}  // namespace
}  // namespace lockstep
