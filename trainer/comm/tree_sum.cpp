#include "trainer/comm/tree_sum.h"

#include <climits>

#include "data/base/error.h"

namespace lockstep {

TreeSlices::TreeSlices(size_t count, int world_size) {
  LOCKSTEP_CHECK(count <= INT_MAX, "{} values are too many for one ordered sum", count);
  const size_t ranks = static_cast<size_t>(world_size);
  size_t offset = 0;
  for (size_t rank = 0; rank < ranks; ++rank) {
    const size_t size = count / ranks + (rank < count % ranks ? 1 : 0);
    counts.push_back(static_cast<int>(size));
    offsets.push_back(static_cast<int>(offset));
    offset += size;
  }
}

void add_in_tree_order(float* arrays, size_t count, int num_arrays) {
  LOCKSTEP_CHECK(num_arrays > 0 && (num_arrays & (num_arrays - 1)) == 0,
                 "{} arrays are not a power of two", num_arrays);
  for (size_t distance = 1; distance < static_cast<size_t>(num_arrays); distance *= 2) {
    for (size_t left = 0; left < static_cast<size_t>(num_arrays); left += 2 * distance) {
      float* sum = arrays + left * count;
      const float* other = arrays + (left + distance) * count;
      for (size_t i = 0; i < count; ++i) sum[i] += other[i];
    }
  }
}

}  // namespace lockstep
