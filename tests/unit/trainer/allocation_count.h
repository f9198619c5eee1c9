// How often memory was asked for, to test that something asks for none.
#pragma once

#include <cstdint>
#include <functional>

namespace lockstep {

/// Calls of operator new and of LibTorch's CPU allocator that `work` makes on the calling thread.
int64_t allocations_in(const std::function<void()>& work);

}  // namespace lockstep
