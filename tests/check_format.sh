#!/usr/bin/env bash
# Checks that every C++ and CUDA source is laid out as .clang-format says; --fix lays them out so.
# Exits 77 (skipped) without clang-format 14, since other versions differ in small ways.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

mode=(--dry-run --Werror)
if [[ ${1:-} == --fix ]]; then mode=(-i); fi

if ! clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
  echo "skipped: clang-format 14 is not installed (./launcher/setup --tests installs it)"
  exit 77
fi
find data trainer launcher tests -name '*.h' -o -name '*.cpp' -o -name '*.cu' | sort |
  xargs -d '\n' clang-format "${mode[@]}"
