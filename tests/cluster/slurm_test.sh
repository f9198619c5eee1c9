#!/usr/bin/env bash
# shellcheck disable=SC2154
# Trains under a real Slurm on two virtual hosts with two ranks each, through slurm/cpu.sbatch.
# usage: slurm_test.sh LOCKSTEP. Exits 77 (skipped) where such a cluster cannot be built.
set -euo pipefail

lockstep=$(readlink -f -- "$1")
cluster_checkout=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
# shellcheck source=tests/cluster/virtual_cluster.sh
source "$cluster_checkout/tests/cluster/virtual_cluster.sh"

main() {
  cluster_skip_unless_possible
  trap cluster_stop EXIT
  cluster_start
  cd -- "$cluster_checkout"
  "$lockstep" data generate digits --out "$cluster_dir/digits" >/dev/null
  four_ranks_on_two_hosts_train_as_one_world
  the_bits_are_those_of_one_rank
  embeddings_travel_by_rows
  fast_sums_agree_with_one_rank
  srun_without_pmix_is_refused
  a_warned_job_is_queued_again_and_goes_on
  echo "all passed"
}

fail() {
  echo "FAILED: $1" >&2
  tail -n 40 -- "$cluster_dir"/*.log >&2
  exit 1
}

# submit NAME SBATCH-OPTION... -- KEY=VALUE...: prints the job's id.
submit() {
  local name=$1 options=()
  shift
  while [[ $1 != -- ]]; do options+=("$1"); shift; done
  shift
  LOCKSTEP="$lockstep" cluster_run sbatch --parsable --nodes=2 --ntasks-per-node=2 --cpus-per-task=1 --time=5 \
    --output="$cluster_dir/$name.log" "${options[@]}" slurm/cpu.sbatch configs/quickstart.yaml \
    "data.path=$cluster_dir/digits" "run.dir=$cluster_dir/$name" "$@"
}

value_of() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$cluster_dir/$1/result.json" "$2"; }

four_ranks_on_two_hosts_train_as_one_world() {
  submit world --wait -- train.steps=20 >/dev/null || fail "the job did not end with 0"
  [[ $(value_of world world_size) == 4 ]] || fail "world_size is $(value_of world world_size), not 4"
  [[ $(value_of world steps) == 20 ]] || fail "it took $(value_of world steps) steps, not 20"
}

# Between the hosts gradients go over TCP; within a host through shared memory. Several buckets, so that sums go
# on behind the backward pass.
the_bits_are_those_of_one_rank() {
  local settings=(train.steps=60 reproducible=true lanes=4 model.num_layers=2 model.dropout=0.2
    optimizer.clip_norm=0.5 communication.bucket_megabytes=0.1)
  "$lockstep" train configs/quickstart.yaml "data.path=$cluster_dir/digits" "run.dir=$cluster_dir/alone" -n 1 -q \
    "${settings[@]}" || fail "the run on one rank did not end with 0"
  submit bits --wait -- "${settings[@]}" >/dev/null || fail "the reproducible job did not end with 0"
  submit shards --wait -- "${settings[@]}" optimizer.sharded=true >/dev/null || fail "the sharded job did not end with 0"
  for run in bits shards; do
    [[ $(value_of "$run" world_size) == 4 ]] || fail "world_size of $run is $(value_of "$run" world_size), not 4"
    [[ $(value_of "$run" parameters_sha256) == "$(value_of alone parameters_sha256)" ]] ||
      fail "$run on two hosts ends in other bits than one rank"
  done
}

# A vocabulary of which a step touches little.
embeddings_travel_by_rows() {
  local settings=(task=language_model "data.path=$cluster_dir/text" data.steps=4 batch.size=8 train.steps=30
    model.hidden_size=16 reproducible=true lanes=4)
  python3 -c 'for i in range(4000): print(*(f"w{(i * k * k) % 997}" for k in range(1, 8)))' >"$cluster_dir/text.txt"
  "$lockstep" data import lines "$cluster_dir/text.txt" --split 0.8,0.1,0.1 --tokens words --out "$cluster_dir/text" \
    >/dev/null
  "$lockstep" train configs/quickstart.yaml "run.dir=$cluster_dir/text-alone" -n 1 -q "${settings[@]}" ||
    fail "the language model on one rank did not end with 0"
  submit rows --wait -- "${settings[@]}" >/dev/null || fail "the language model on two hosts did not end with 0"
  [[ $(value_of rows row_exchanges) == 30 ]] || fail "rows travelled in $(value_of rows row_exchanges) steps, not 30"
  [[ $(value_of rows parameters_sha256) == "$(value_of text-alone parameters_sha256)" ]] ||
    fail "exchange by rows ends in other bits than one rank"
}

fast_sums_agree_with_one_rank() {
  local settings=(train.steps=20 train.log_every=1)
  "$lockstep" train configs/quickstart.yaml "data.path=$cluster_dir/digits" "run.dir=$cluster_dir/fast-alone" -n 1 -q \
    "${settings[@]}" || fail "the run on one rank did not end with 0"
  submit fast --wait -- "${settings[@]}" >/dev/null || fail "the fast job did not end with 0"
  losses_agree fast fast-alone 1e-5 || fail "losses on two hosts differ from one rank's"
  submit halved --wait -- "${settings[@]}" communication.dtype=bfloat16 >/dev/null ||
    fail "the job that sends bfloat16 did not end with 0"
  losses_agree halved fast-alone 1e-2 || fail "losses are far from one rank's when gradients travel as bfloat16"
  ! losses_agree halved fast 0 || fail "communication.dtype=bfloat16 changes nothing"
}

# losses_agree NAME NAME TOLERANCE: relative, over 20 steps.
losses_agree() {
  python3 - "$cluster_dir/$1/metrics.jsonl" "$cluster_dir/$2/metrics.jsonl" "$3" <<'PYTHON'
import json
import sys
ours, other = ([row["loss"] for row in map(json.loads, open(path)) if row["split"] == "train"] for path in sys.argv[1:3])
sys.exit(len(ours) != 20 or any(abs(a - b) > float(sys.argv[3]) * b for a, b in zip(ours, other, strict=True)))
PYTHON
}

srun_without_pmix_is_refused() {
  local code=0
  cluster_run srun --mpi=none --nodes=2 --ntasks-per-node=2 "$lockstep" train configs/quickstart.yaml \
    "data.path=$cluster_dir/digits" "run.dir=$cluster_dir/refused" >"$cluster_dir/refused.log" 2>&1 || code=$?
  ((code == 78)) || fail "exit $code without PMIx, not 78"
  grep -q -e '--mpi=pmix' "$cluster_dir/refused.log" || fail "the message does not name --mpi=pmix"
  [[ ! -e $cluster_dir/refused ]] || fail "a refused start left a run folder"
}

a_warned_job_is_queued_again_and_goes_on() {
  local job steps
  job=$(submit drained -- train.epochs=100000 train.log_every=10)
  cluster_wait_for "the first steps" test -s "$cluster_dir/drained/metrics.jsonl" || fail "it did not start"
  cluster_run scancel --batch --signal=USR1 "$job"
  cluster_wait_for "the job to be queued again" job_is "$job" PENDING || fail "it was not queued again"
  grep -q 'exit 75' "$cluster_dir/drained.log" || fail "the log does not name exit 75"
  steps=$(newest_checkpoint)
  # A requeued job rests for two minutes, so that no host takes the new start for the old one: credentials
  # are told apart by the second. Here three of them will do.
  sleep 3
  cluster_run scontrol update "JobId=$job" StartTime=now
  cluster_wait_for "the job to run again" job_is "$job" RUNNING || fail "it did not start again"
  cluster_wait_for "progress beyond step $steps" progressed_beyond "$steps" || fail "it does not go on"
  cluster_run scancel "$job"
}

job_is() { [[ $(cluster_run squeue --noheader --jobs="$1" --format=%T) == "$2" ]]; }

newest_checkpoint() { find "$cluster_dir/drained/checkpoints" -mindepth 1 -name 'step-*' -printf '%f\n' | sed 's/step-0*//' | sort -n | tail -n 1; }

progressed_beyond() {
  (($(tail -n 1 "$cluster_dir/drained/metrics.jsonl" | python3 -c 'import json, sys; print(json.loads(sys.stdin.read())["step"])') > $1))
}

main
