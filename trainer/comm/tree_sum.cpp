#include "trainer/comm/tree_sum.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "data/base/error.h"
#include "trainer/comm/for_each_processor.h"

namespace lockstep {
namespace {

constexpr size_t kBlock = 256;  // floats: sums of a block stay in the first-level cache
constexpr int kMaxDepth = 16;   // 2^16 ranks on one host

/// Two arrays onto themselves, the common case: every value is loaded and stored once.
LOCKSTEP_FOR_EACH_PROCESSOR
void sum_pair_in_place(float* __restrict a, float* __restrict b, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const float sum = a[i] + b[i];
    a[i] = sum;
    b[i] = sum;
  }
}

LOCKSTEP_FOR_EACH_PROCESSOR
void add(float* __restrict sum, const float* __restrict left, size_t count) {
  for (size_t i = 0; i < count; ++i) sum[i] = left[i] + sum[i];
}

/// A finished subtree waits at its level for its neighbour, like carries of a binary counter.
void sum_block(const float* const* arrays, int num_arrays, float* result, size_t at, size_t count) {
  float waiting[kMaxDepth][kBlock];
  for (int n = 0; n < num_arrays; ++n) {
    std::memcpy(result, arrays[n] + at, count * sizeof(float));
    int level = 0;
    for (; (n >> level & 1) != 0; ++level) add(result, waiting[level], count);
    if (n + 1 < num_arrays) std::memcpy(waiting[level], result, count * sizeof(float));
  }
  // What still waits beside the last array's subtree: the set bits of n above its own level.
  const int last = num_arrays - 1;
  int level = 0;
  while ((last >> level & 1) != 0) ++level;
  for (++level; level < kMaxDepth; ++level) {
    if ((last >> level & 1) != 0) add(result, waiting[level], count);
  }
}

}  // namespace

void sum_arrays(const float* const* arrays, int num_arrays, float* const* targets, int num_targets,
                size_t begin, size_t end) {
  LOCKSTEP_CHECK(num_arrays > 0 && num_arrays < 1 << kMaxDepth, "{} arrays to add", num_arrays);
  if (num_arrays == 2 && num_targets == 2 && targets[0] == arrays[0] && targets[1] == arrays[1]) {
    sum_pair_in_place(targets[0] + begin, targets[1] + begin, end - begin);
    return;
  }
  for (size_t at = begin; at < end; at += kBlock) {
    const size_t count = std::min(kBlock, end - at);
    float result[kBlock];
    sum_block(arrays, num_arrays, result, at, count);
    for (int k = 0; k < num_targets; ++k) {
      std::memcpy(targets[k] + at, result, count * sizeof(float));
    }
  }
}

}  // namespace lockstep
