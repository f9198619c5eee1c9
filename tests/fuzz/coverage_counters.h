// The counters that libFuzzer learns from, one byte for each edge of the control flow.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lockstep::fuzz {

/// Those of the whole program, in this process.
uint8_t* coverage_counters();
size_t num_coverage_counters();

}  // namespace lockstep::fuzz
