#!/usr/bin/env bash
# Runs the unit tests of one area as built under sanitizers.
# usage: run_sanitized.sh asan|tsan AREA [TEST-OPTION...]. Exits 77 (skipped) when build/asan or build/tsan does not hold them.
set -euo pipefail
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
program="$root/build/$1/unit_$2"
options=("${@:3}")

if [[ ! -x $program ]]; then
  case "$1" in
    asan) echo "skipped: $program is not built (./tests/run builds it; --fast does not)" ;;
    *) echo "skipped: $program is not built (./tests/run --tsan builds it)" ;;
  esac
  exit 77
fi
# MPI, CUDA and LibTorch keep memory until the process ends; what they hold is not a leak of ours.
export ASAN_OPTIONS="detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1:check_initialization_order=1:protect_shadow_gap=0"
export LSAN_OPTIONS="suppressions=$root/tests/leaks_of_others.txt:print_suppressions=0"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"
export TSAN_OPTIONS="suppressions=$root/tests/races_of_others.txt:halt_on_error=1:ignore_noninstrumented_modules=1"
if [[ $1 == tsan ]]; then
  export OMP_NUM_THREADS=1                # LibTorch's own threads are none of our business
  # ThreadSanitizer of g++ 12 fails where addresses are too random; some containers forbid to say so.
  if setarch --addr-no-randomize true 2>/dev/null; then
    exec setarch --addr-no-randomize "$program" "${options[@]}"
  fi
fi
exec "$program" "${options[@]}"
