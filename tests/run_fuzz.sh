#!/usr/bin/env bash
# Runs one fuzz target for LOCKSTEP_FUZZ_SECONDS.
# usage: run_fuzz.sh TARGET. Exits 77 (skipped) when nobody asks for it or build/fuzz does not hold it.
#
# It starts from tests/fuzz/corpus/TARGET and from what earlier runs found interesting, which is kept
# in .cache/fuzz/TARGET/corpus. Inputs that are findings are left in .cache/fuzz/TARGET; give one to
# build/fuzz/fuzz_TARGET to see it again, and turn it into a unit test.
set -euo pipefail
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
readonly root target=$1
readonly program=$root/build/fuzz/fuzz_$target work=$root/.cache/fuzz/$target

if [[ -z ${LOCKSTEP_FUZZ_SECONDS:-} || ! -x $program ]]; then
  echo "skipped: ./tests/run --fuzz SECONDS builds and runs it"
  exit 77
fi
mkdir -p -- "$work/corpus"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"
# A valid input takes milliseconds; none may need more memory than this.
# Whatever happens, it ends: an hour of waiting would be an hour without any other test.
exec timeout --kill-after=5 "$((LOCKSTEP_FUZZ_SECONDS + 120))" "$program" "$work/corpus" "$root/tests/fuzz/corpus/$target" \
  -artifact_prefix="$work/" -max_total_time="$LOCKSTEP_FUZZ_SECONDS" -max_len=65536 \
  -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=512 -print_final_stats=1 -verbosity=1
