#!/usr/bin/env bash
# Checks our scripts without running them: bash's parser, shellcheck where it is installed, and
# Python's compiler.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

mapfile -t shell < <(grep -rlE --exclude-dir=__pycache__ '^#!.*\bbash\b' .ci launcher slurm tests | sort)
((${#shell[@]} > 5)) || { echo "found only ${#shell[@]} shell scripts: the search is broken"; exit 1; }
for script in "${shell[@]}"; do bash -n "$script"; done

if command -v shellcheck >/dev/null; then
  shellcheck --severity=warning "${shell[@]}"
else
  echo "note: shellcheck is not installed, so only bash's own parser looked"
fi

find tests -name '*.py' -print0 | xargs -0 python3 -c '
import sys
for name in sys.argv[1:]:
    compile(open(name, encoding="utf-8").read(), name, "exec")'
echo "${#shell[@]} shell scripts and every Python script parse"
