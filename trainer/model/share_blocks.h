// Work on blocks of a product's columns, dealt out to LibTorch's threads.
#pragma once

#include <c10/util/FunctionRef.h>

#include <cstdint>

namespace lockstep {

/// Calls `call` with ranges [begin, end) that together are [0, blocks): with one range on this
/// thread, or, when so many floating-point operations are worth it, with one for each of LibTorch's
/// threads. Each block is one thread's, so results do not depend on how many there are.
void share_blocks(int64_t blocks, double operations,
                  c10::function_ref<void(int64_t, int64_t)> call);

}  // namespace lockstep
