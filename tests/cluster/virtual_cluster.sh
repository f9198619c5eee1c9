# shellcheck shell=bash disable=SC2016,SC2154
# A real Slurm cluster of virtual hosts on this machine, to be sourced. Each host is a network namespace
# with its own hostname, /tmp and /dev/shm; a switch joins them, and nothing leads out of it.
#
#   cluster_skip_unless_possible    prints why and exits 77 where it cannot be built
#   cluster_start                   a head and the hosts node1, node2; sets cluster_dir, which all see
#   cluster_run COMMAND...          runs a command on the head, e.g. sbatch
#   cluster_cut_off / cluster_reconnect NODE
#   cluster_stop                    ends every process of the hosts and removes all traces

# The caller sets cluster_checkout: a folder that stays visible on the hosts even if it lies below /tmp.
readonly cluster_name="lockstep-$$"
readonly cluster_nodes=(node1 node2)
cluster_dir=""

cluster_skip_unless_possible() {
  local missing=() command probe="$cluster_name-probe"
  ((EUID == 0)) || cluster_skip "virtual hosts need root"
  for command in slurmctld slurmd sbatch munged ip nsenter unshare; do
    command -v "$command" >/dev/null || missing+=("$command")
  done
  ((${#missing[@]} == 0)) ||
    cluster_skip "not installed: ${missing[*]} (./launcher/setup --cluster installs them)"
  ip netns add "$probe" 2>/dev/null || cluster_skip "this machine lets nobody make network namespaces"
  ip netns delete "$probe"
}

cluster_skip() { echo "skipped: $1"; exit 77; }

cluster_start() {
  cluster_dir=$(mktemp -d -p /var/tmp "$cluster_name.XXXXXX")
  mkdir -p -- "$cluster_dir"/{state,spool,log,keys}
  chmod 755 -- "$cluster_dir"
  chmod 700 -- "$cluster_dir/keys"
  cluster_write_config
  cluster_make_network
  cluster_start_daemons
  cluster_wait_until_idle
}

cluster_write_config() {
  printf '127.0.0.1 localhost\n10.77.0.1 head\n10.77.0.11 node1\n10.77.0.12 node2\n' >"$cluster_dir/hosts"
  cat >"$cluster_dir/slurm.conf" <<CONF
ClusterName=lockstep
SlurmctldHost=head
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$cluster_dir/munge.socket
StateSaveLocation=$cluster_dir/state
SlurmdSpoolDir=$cluster_dir/spool/%n
SlurmctldPidFile=$cluster_dir/slurmctld.pid
SlurmdPidFile=$cluster_dir/slurmd-%n.pid
SlurmctldLogFile=$cluster_dir/log/slurmctld.log
SlurmdLogFile=$cluster_dir/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1
MpiDefault=none
JobRequeue=1
ReturnToService=2
KillWait=5
SlurmdTimeout=20
NodeName=node[1-2] CPUs=2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=10 State=UP
CONF
  # Read from beside slurm.conf: without a cgroup of its own slurmd must not look for one.
  echo 'CgroupPlugin=autodetect' >"$cluster_dir/cgroup.conf"
}

# One switch in a namespace of its own, one cable to each host.
cluster_make_network() {
  local host
  ip netns add "$cluster_name-switch"
  ip -n "$cluster_name-switch" link add bridge type bridge
  ip -n "$cluster_name-switch" link set bridge up
  for host in head "${cluster_nodes[@]}"; do
    ip netns add "$cluster_name-$host"
    ip -n "$cluster_name-switch" link add "to-$host" type veth peer name eth0 netns "$cluster_name-$host"
    ip -n "$cluster_name-switch" link set "to-$host" master bridge up
    ip -n "$cluster_name-$host" link set lo up
    ip -n "$cluster_name-$host" address add "$(cluster_address "$host")/24" dev eth0
    ip -n "$cluster_name-$host" link set eth0 up
  done
}

cluster_address() { awk -v host="$1" '$2 == host { print $1 }' "$cluster_dir/hosts"; }

cluster_start_daemons() {
  local node
  export SLURM_CONF="$cluster_dir/slurm.conf"
  head --bytes=1024 /dev/urandom >"$cluster_dir/keys/munge.key"
  chmod 400 -- "$cluster_dir/keys/munge.key"
  cluster_on head munged --foreground --force --key-file "$cluster_dir/keys/munge.key" \
    --socket "$cluster_dir/munge.socket" --pid-file "$cluster_dir/munged.pid" \
    --log-file "$cluster_dir/log/munged.log" --seed-file "$cluster_dir/keys/munge.seed"
  cluster_wait_for "munged's socket" test -S "$cluster_dir/munge.socket"
  cluster_on head slurmctld -D
  for node in "${cluster_nodes[@]}"; do
    mkdir -p -- "$cluster_dir/spool/$node"
    cluster_on "$node" slurmd -D -N "$node"
  done
  cluster_wait_for "slurmctld" cluster_run scontrol ping
}

# Starts a daemon on a host, in the background. Hosts share files, but for /tmp and /dev/shm: PMIx and
# Open MPI keep names there that must differ between hosts. A checkout below /tmp stays visible.
cluster_on() {
  local host=$1
  shift
  nsenter --net="/run/netns/$cluster_name-$host" unshare --mount --uts bash -c '
    set -e
    host=$1 dir=$2 keep=$3
    shift 3
    hostname "$host"
    mount --make-rprivate /
    mkdir -p "$dir/mount-$host"
    mount --bind "$keep" "$dir/mount-$host"
    mount -t tmpfs tmpfs /tmp
    mount -t tmpfs tmpfs /dev/shm
    if [[ $keep == /tmp/* ]]; then mkdir -p "$keep"; mount --bind "$dir/mount-$host" "$keep"; fi
    mount --bind "$dir/hosts" /etc/hosts
    exec "$@"' - "$host" "$cluster_dir" "$cluster_checkout" "$@" \
    >>"$cluster_dir/log/$host.out" 2>&1 </dev/null &
  echo $! >"$cluster_dir/$host-$1.started"
  disown # or bash reports its end as a mishap
}

cluster_run() {
  local head
  head=$(<"$cluster_dir/head-slurmctld.started")
  nsenter --target "$head" --net --mount --uts --wd="$PWD" "$@"
}

cluster_wait_until_idle() {
  cluster_wait_for "both nodes to be idle" \
    bash -c '[[ $("$@" | sort | uniq -c | tr -s " ") == " 2 idle" ]]' - \
    nsenter --target "$(<"$cluster_dir/head-slurmctld.started")" --net --mount --uts sinfo -h -N -o %T
}

cluster_wait_for() {
  local what=$1 i
  shift
  for ((i = 0; i < 150; ++i)); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.2
  done
  echo "cluster: waited 30 s in vain for $what" >&2
  tail -n 5 -- "$cluster_dir"/log/* >&2
  return 1
}

cluster_cut_off() { ip -n "$cluster_name-switch" link set "to-$1" down; }
cluster_reconnect() { ip -n "$cluster_name-switch" link set "to-$1" up; }

# Ends what lives in our namespaces, found by the namespaces' own names. Safe to call at any point.
cluster_stop() {
  local host pids
  for host in "${cluster_nodes[@]}" head switch; do
    [[ -e /run/netns/$cluster_name-$host ]] || continue
    mapfile -t pids < <(ip netns pids "$cluster_name-$host")
    if ((${#pids[@]} > 0)); then kill -KILL "${pids[@]}" 2>/dev/null || true; fi
    ip netns delete "$cluster_name-$host"
  done
  if [[ -n $cluster_dir ]]; then rm -rf -- "$cluster_dir"; fi
}
