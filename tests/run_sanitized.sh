#!/usr/bin/env bash
# Runs the unit tests of one area as built under AddressSanitizer and UndefinedBehaviorSanitizer.
# usage: run_sanitized.sh AREA. Exits 77 (skipped) when build/asan does not hold them.
set -euo pipefail
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
program="$root/build/asan/unit_$1"

if [[ ! -x $program ]]; then
  echo "skipped: $program is not built (./tests/run builds it; --fast does not)"
  exit 77
fi
# MPI, CUDA and LibTorch keep memory until the process ends; what they hold is not a leak of ours.
export ASAN_OPTIONS="detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1:check_initialization_order=1:protect_shadow_gap=0"
export LSAN_OPTIONS="suppressions=$root/tests/leaks_of_others.txt:print_suppressions=0"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"
exec "$program"
