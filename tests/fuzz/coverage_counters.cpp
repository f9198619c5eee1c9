// Compiled without coverage: clang would take these declarations for its own of the same names, and
// register no counters at all.
#include "tests/fuzz/coverage_counters.h"

extern "C" {
extern uint8_t __start___sancov_cntrs[];  // the linker makes both around clang's section
extern uint8_t __stop___sancov_cntrs[];
}

namespace lockstep::fuzz {

uint8_t* coverage_counters() {
  return __start___sancov_cntrs;
}

size_t num_coverage_counters() {
  return static_cast<size_t>(__stop___sancov_cntrs - __start___sancov_cntrs);
}

}  // namespace lockstep::fuzz
