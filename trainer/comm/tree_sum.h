// The fixed order in which reproducible runs add: a binary tree over ranks (or lanes).
#pragma once

#include <cstddef>
#include <vector>

namespace lockstep {

/// An array of `count` values cut into one slice per rank, sizes differing by one at most.
struct TreeSlices {
  TreeSlices(size_t count, int world_size);
  std::vector<int> counts;
  std::vector<int> offsets;
};

/// `arrays` holds `num_arrays` (a power of two) arrays of `count` values, one behind the other;
/// their sum, added as ((0+1)+(2+3))+((4+5)+(6+7))..., ends in the first.
void add_in_tree_order(float* arrays, size_t count, int num_arrays);

}  // namespace lockstep
