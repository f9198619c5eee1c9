#!/usr/bin/env bash
# A rank that never reaches a collective: the others end the job within seconds and name it.
set -u
program=$1
LOCKSTEP_TEST_FOLDER=$(mktemp -d)
export LOCKSTEP_TEST_FOLDER
trap 'rm -rf "$LOCKSTEP_TEST_FOLDER"' EXIT
start=$SECONDS
output=$(mpirun --allow-run-as-root --oversubscribe -q -n 3 "$program" 3 hang 2>&1)
code=$?
echo "$output"
[[ $code == 76 ]] || { echo "exit code $code, expected 76"; exit 1; }
((SECONDS - start < 15)) || { echo "took $((SECONDS - start)) s"; exit 1; }
[[ $output == *"rank 2 on "*"last entered collective 1 (barrier) and has left it"* ]] ||
  { echo "the late rank is not named"; exit 1; }
