// How often memory was asked for, to test that something asks for none.
#pragma once

#include <cstdint>
#include <functional>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LOCKSTEP_COUNTS_NEW 0  // the sanitizer has its own, which tells new from malloc
#else
#define LOCKSTEP_COUNTS_NEW 1
#endif

namespace lockstep {

/// Calls of operator new (unless under a sanitizer) and of LibTorch's CPU allocator that `work`
/// makes on the calling thread.
int64_t allocations_in(const std::function<void()>& work);

/// Calls of operator new so far, of the calling thread and of all threads; 0 under a sanitizer.
int64_t news_here();
int64_t news_everywhere();

}  // namespace lockstep
