#include "trainer/comm/tree_sum.h"

#include <gtest/gtest.h>

#include <numeric>

#include "data/base/error.h"

namespace lockstep {
namespace {

TEST(TreeSlicesTest, CoverEverythingOnce) {
  for (const size_t count : {size_t{0}, size_t{1}, size_t{5}, size_t{1000}}) {
    for (const int ranks : {1, 2, 4, 8}) {
      const TreeSlices slices(count, ranks);
      ASSERT_EQ(slices.counts.size(), static_cast<size_t>(ranks));
      int next = 0;
      for (size_t i = 0; i < slices.counts.size(); ++i) {
        EXPECT_EQ(slices.offsets[i], next);
        next += slices.counts[i];
      }
      EXPECT_EQ(next, static_cast<int>(count));
    }
  }
}

TEST(TreeSum, AddsPairsFirst) {
  // In floats (1 + 2^-24) rounds to 1, so the order shows: ((1 + tiny) + (tiny + tiny)) > 1, while
  // adding one tiny after the other leaves 1.
  const float tiny = 0x1p-24f;
  std::vector<float> arrays = {1, tiny, tiny, tiny};
  add_in_tree_order(arrays.data(), 1, 4);
  EXPECT_EQ(arrays[0], (1 + tiny) + (tiny + tiny));
  EXPECT_NE(arrays[0], ((1 + tiny) + tiny) + tiny);
}

TEST(TreeSum, OfSubtreesIsThatOfAll) {
  std::vector<float> eight(8 * 3);
  for (size_t i = 0; i < eight.size(); ++i) eight[i] = 1.0f / static_cast<float>(i + 3);
  std::vector<float> halves;
  for (const size_t half : {size_t{0}, size_t{4}}) {
    std::vector<float> part(eight.begin() + half * 3, eight.begin() + (half + 4) * 3);
    add_in_tree_order(part.data(), 3, 4);
    halves.insert(halves.end(), part.begin(), part.begin() + 3);
  }
  add_in_tree_order(halves.data(), 3, 2);
  add_in_tree_order(eight.data(), 3, 8);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(halves[i], eight[i]);
}

TEST(TreeSum, RefusesWhatIsNoPowerOfTwo) {
  std::vector<float> arrays(3);
  EXPECT_THROW(add_in_tree_order(arrays.data(), 1, 3), Error);
}

}  // namespace
}  // namespace lockstep
