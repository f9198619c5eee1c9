"""All-reduces of CPU tensors through gloo, as DDP uses it: the peer of `lockstep bench comm`.

Prints one JSON line with the best of three rounds for each size.
"""

import argparse
import json
import os
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--sizes", type=int, nargs="+", required=True, help="bytes")
    options = parser.parse_args()
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", "29536")
    mp.spawn(measure, args=(options,), nprocs=options.processes)


def measure(rank, options):
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[rank % len(cores)]})
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=options.processes)
    sums = [{"bytes": size, "seconds": best_of_three(torch.zeros(size // 4))} for size in options.sizes]
    if rank == 0:
        print(json.dumps({"world_size": options.processes, "sums": sums, "torch": torch.__version__}), flush=True)
    dist.destroy_process_group()


def best_of_three(values):
    seconds_of(values, 3)
    once = torch.tensor([seconds_of(values, 3)])
    dist.all_reduce(once, op=dist.ReduceOp.MAX)  # all processes must repeat equally often
    repetitions = max(2, min(2000, int(0.1 / once.item())))
    return min(seconds_of(values, repetitions) for _ in range(3))


def seconds_of(values, repetitions):
    dist.barrier()
    begin = time.perf_counter()
    for _ in range(repetitions):
        dist.all_reduce(values)
    return (time.perf_counter() - begin) / repetitions


if __name__ == "__main__":
    main()
