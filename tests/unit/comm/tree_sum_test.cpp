#include "trainer/comm/tree_sum.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lockstep {
namespace {

/// Values for which the order of adding shows in the last bits.
std::vector<std::vector<float>> rough_arrays(int num_arrays, size_t count) {
  std::vector<std::vector<float>> arrays(static_cast<size_t>(num_arrays));
  for (size_t n = 0; n < arrays.size(); ++n) {
    for (size_t i = 0; i < count; ++i) {
      arrays[n].push_back(1.0f / static_cast<float>(3 + n * 7 + i % 13));
    }
  }
  return arrays;
}

/// The tree, level by level; a subtree without a neighbour moves up.
float tree_of(std::vector<float> level) {
  while (level.size() > 1) {
    std::vector<float> next;
    for (size_t i = 0; i < level.size(); i += 2) {
      next.push_back(i + 1 < level.size() ? level[i] + level[i + 1] : level[i]);
    }
    level = next;
  }
  return level[0];
}

/// Sums into the first `num_targets` arrays.
void sum_in_place(std::vector<std::vector<float>>& arrays, int num_targets, size_t begin,
                  size_t end) {
  std::vector<const float*> sources;
  std::vector<float*> targets;
  for (std::vector<float>& array : arrays) {
    sources.push_back(array.data());
    if (static_cast<int>(targets.size()) < num_targets) targets.push_back(array.data());
  }
  sum_arrays(sources.data(), static_cast<int>(sources.size()), targets.data(), num_targets, begin,
             end);
}

TEST(TreeSum, EqualsTheTreeBitForBitForAnyNumberOfArrays) {
  for (int num_arrays = 1; num_arrays <= 17; ++num_arrays) {
    for (const size_t count : {size_t{1}, size_t{255}, size_t{257}, size_t{1000}}) {
      const auto before = rough_arrays(num_arrays, count);
      auto arrays = before;
      sum_in_place(arrays, num_arrays, 0, count);
      for (size_t i = 0; i < count; ++i) {
        std::vector<float> leaves;
        for (const auto& array : before) leaves.push_back(array[i]);
        const float want = tree_of(leaves);
        for (const auto& array : arrays) {
          ASSERT_EQ(array[i], want) << num_arrays << " arrays, value " << i;
        }
      }
    }
  }
}

TEST(TreeSum, OfSubtreesIsThatOfAll) {
  auto eight = rough_arrays(8, 40);
  std::vector<std::vector<float>> left(eight.begin(), eight.begin() + 4);
  std::vector<std::vector<float>> right(eight.begin() + 4, eight.end());
  sum_in_place(left, 1, 0, 40);
  sum_in_place(right, 1, 0, 40);
  std::vector<std::vector<float>> halves = {left[0], right[0]};
  sum_in_place(halves, 1, 0, 40);
  sum_in_place(eight, 1, 0, 40);
  EXPECT_EQ(halves[0], eight[0]);
}

TEST(TreeSum, TouchesOnlyItsSpanAndTargets) {
  for (const int num_arrays : {2, 3}) {
    const auto before = rough_arrays(num_arrays, 100);
    auto arrays = before;
    sum_in_place(arrays, 1, 10, 20);
    for (size_t i = 0; i < 100; ++i) {
      EXPECT_EQ(arrays[0][i] == before[0][i], i < 10 || i >= 20) << i;
    }
    for (size_t n = 1; n < arrays.size(); ++n) EXPECT_EQ(arrays[n], before[n]);
  }
}

}  // namespace
}  // namespace lockstep
