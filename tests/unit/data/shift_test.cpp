#include <gtest/gtest.h>

#include <map>

#include "data/batch_filler.h"
#include "data/loader.h"
#include "tests/unit/base/temp_folder.h"
#include "tests/unit/data/small_dataset.h"

namespace lockstep {
namespace {

constexpr int64_t kShift = 2;
constexpr uint64_t kSeed = 77;

/// The pixel of image `id` that lands on (row, column), by the definition.
float expected_pixel(int64_t id, int64_t row, int64_t column, Displacement moved) {
  const int64_t from_row = row - moved.steps;
  const int64_t from_column = column - moved.features;
  if (from_row < 0 || from_row >= 4 || from_column < 0 || from_column >= 5) return 0;
  const auto stored = static_cast<uint8_t>(id * 20 + from_row * 5 + from_column);
  return static_cast<float>(stored / 255.0);
}

class ShiftTest : public ::testing::Test {
 protected:
  ShiftTest()
      : manifest_(testing::write_images(folder_.path(), 40)),
        split_(folder_.path(), manifest_, manifest_.splits[0]) {}

  testing::TempFolder folder_;
  Manifest manifest_;
  Split split_;
};

TEST_F(ShiftTest, MovesImagesAndLetsZerosIn) {
  const Sampler sampler(40, {.batch_size = 8, .seed = 1});
  Loader loader(split_, sampler, {.shift = kShift, .shift_seed = kSeed});
  for (int step = 0; step < 15; ++step) {
    const Batch& batch = *loader.next();
    for (int64_t b = 0; b < batch.size(); ++b) {
      const int64_t id = batch.sample_ids[static_cast<size_t>(b)];
      const Displacement moved = displacement_of(kShift, kSeed, batch.epoch, id);
      for (int64_t i = 0; i < 20; ++i) {
        EXPECT_EQ(batch.inputs().dense()[((i / 5) * batch.size() + b) * 5 + i % 5],
                  expected_pixel(id, i / 5, i % 5, moved));
      }
      EXPECT_EQ(batch.stream("classes").symbols()[b], id % 7);
    }
  }
}

TEST_F(ShiftTest, AMoveBeyondTheImageLeavesNothing) {
  const Sampler sampler(40, {.batch_size = 40, .shuffle = Shuffle::none});
  Loader loader(split_, sampler, {.shift = 1000, .shift_seed = kSeed});
  const Batch& batch = *loader.next();
  float sum = 0;
  for (int64_t i = 0; i < 4 * 40 * 5; ++i) sum += batch.inputs().dense()[i];
  EXPECT_EQ(sum, 0);
}

TEST(Displacement, IsAPureFunctionThatVariesInAllItsArguments) {
  std::map<std::pair<int64_t, int64_t>, int> seen;
  int repeated = 0;
  for (int64_t sample = 0; sample < 5000; ++sample) {
    const Displacement moved = displacement_of(kShift, kSeed, 3, sample);
    ++seen[{moved.steps, moved.features}];
    const Displacement again = displacement_of(kShift, kSeed, 3, sample);
    EXPECT_TRUE(again.steps == moved.steps && again.features == moved.features);
    const Displacement later = displacement_of(kShift, kSeed, 4, sample);
    repeated += later.steps == moved.steps && later.features == moved.features ? 1 : 0;
  }
  ASSERT_EQ(seen.size(), 25U);
  for (const auto& [moved, count] : seen) EXPECT_NEAR(count, 200, 75);
  EXPECT_NEAR(repeated, 200, 75);
  EXPECT_EQ(displacement_of(0, kSeed, 3, 1).steps, 0);
}

}  // namespace
}  // namespace lockstep
