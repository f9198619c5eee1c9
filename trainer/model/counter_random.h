// Random numbers as a pure function of a key and a counter, so that a value does not depend on how
// many were drawn before it, on which rank, or in which batch.
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define LOCKSTEP_ON_GPU_TOO __host__ __device__
#else
// Inlined by order: CPU kernels of several instruction sets have these functions, and of those left
// standing by themselves the linker would keep any one.
#define LOCKSTEP_ON_GPU_TOO [[gnu::always_inline]]
#endif

namespace lockstep {

/// The finaliser of SplitMix64 (Steele, Lea & Flood 2014): a bijection in which each input bit
/// flips every output bit with probability near one half.
LOCKSTEP_ON_GPU_TOO inline uint64_t mix_bits(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

LOCKSTEP_ON_GPU_TOO inline uint64_t join_key(uint64_t key, uint64_t part) {
  return mix_bits(key + 0x9e3779b97f4a7c15ULL * (part + 1));
}

}  // namespace lockstep
