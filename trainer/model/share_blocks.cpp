// The only source that is compiled for OpenMP: without it at::parallel_for runs on one thread.
#include "trainer/model/share_blocks.h"

#include <ATen/Parallel.h>

namespace lockstep {

#ifndef _OPENMP
#error "compile this with -fopenmp"
#endif

void share_blocks(int64_t blocks, double operations,
                  c10::function_ref<void(int64_t, int64_t)> call) {
  const bool worth_it = operations > 4e6 && at::get_num_threads() > 1 && !at::in_parallel_region();
  if (!worth_it) return call(0, blocks);
  at::parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) { call(begin, end); });
}

}  // namespace lockstep
