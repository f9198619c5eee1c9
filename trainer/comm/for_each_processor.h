// One source for every processor: the loader picks the version (ifunc). Sanitizers instrument the
// picking itself, before they are set up, and crash; they get the plain version.
#pragma once

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define LOCKSTEP_FOR_EACH_PROCESSOR __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define LOCKSTEP_FOR_EACH_PROCESSOR
#endif
