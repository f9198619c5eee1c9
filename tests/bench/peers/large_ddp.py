"""Two LSTM layers of 512 on made-up sequences: PyTorch DDP over gloo, the peer of bench_large.yaml.

Input 512, T 35, global batch 64, a linear head on the last state, cross-entropy over 10 classes, Adam.
Prints one JSON line with samples_per_second over training steps only, after a warm-up.
"""

import argparse
import json
import os
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel

INPUT, HIDDEN, LAYERS, TIME, CLASSES = 512, 512, 2, 35, 10


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64, help="global batch")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--warmup-steps", type=int, default=5)
    options = parser.parse_args()
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", "29534")
    mp.spawn(train, args=(options,), nprocs=options.processes)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        # Two modules, so that DDP can send the upper layer's gradient while the lower one's is computed.
        self.layers = nn.ModuleList(
            [nn.LSTM(INPUT if i == 0 else HIDDEN, HIDDEN, batch_first=True) for i in range(LAYERS)])
        self.head = nn.Linear(HIDDEN, CLASSES)

    def forward(self, x_BTF):
        for layer in self.layers:
            x_BTF, _ = layer(x_BTF)
        return self.head(x_BTF[:, -1])


def train(rank, options):
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[rank % len(cores)]})
    torch.set_num_threads(1)
    torch.manual_seed(1)
    dist.init_process_group("gloo", rank=rank, world_size=options.processes)
    model = DistributedDataParallel(Classifier(), gradient_as_bucket_view=True, broadcast_buffers=False)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    loss_of = nn.CrossEntropyLoss()
    share = options.batch // options.processes
    x_NBTF = torch.randn(4, share, TIME, INPUT)
    labels_NB = torch.randint(CLASSES, (4, share))
    for step in range(options.warmup_steps + options.steps):
        if step == options.warmup_steps:
            dist.barrier()
            started = time.perf_counter()
        loss = loss_of(model(x_NBTF[step % 4]), labels_NB[step % 4])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    seconds = time.perf_counter() - started
    if rank == 0:
        print(json.dumps({"samples_per_second": options.steps * options.batch / seconds,
                          "world_size": options.processes, "torch": torch.__version__}), flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
