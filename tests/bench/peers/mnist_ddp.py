"""The founding job as an experienced PyTorch user would write it for speed: DDP over gloo on CPUs.

Rows of an image are the time steps: LSTM(28 -> 128), last state -> linear -> 10 classes, cross-entropy,
Adam at 1e-3, global batch 64. The whole data set lies in memory as one float tensor and is sliced
directly (a DataLoader costs about a quarter of the rate), the optimizer is fused, gradients live in
DDP's buckets, and every process keeps to one thread on a core of its own.

Prints one JSON line: samples_per_second counts the samples of all processes over the time of
training steps only, after a warm-up, as Lockstep's result.json does.
"""

import argparse
import json
import os
import pathlib
import time

import h5py
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel


def main():
    options = parse_arguments()
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", "29533")
    mp.spawn(train, args=(options,), nprocs=options.processes)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, required=True, help="data set folder with MNIST's shape")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64, help="global batch")
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--warmup-steps", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--evaluate", action="store_true", help="also the accuracy on the test images")
    return parser.parse_args()


def train(rank, options):
    set_up_process(rank, options)
    images_NTF, labels_N = load(options.data, "train")
    model = DistributedDataParallel(Classifier(options.hidden), gradient_as_bucket_view=True,
                                    broadcast_buffers=False)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    loss_of = nn.CrossEntropyLoss()
    share = options.batch // options.processes
    steps = len(images_NTF) // options.batch
    for epoch in range(options.epochs):
        order = torch.randperm(len(images_NTF), generator=torch.Generator().manual_seed(options.seed + epoch))
        mine = order[: steps * options.batch].view(steps, options.processes, share)[:, rank].contiguous()
        for step in range(steps):
            if epoch == 0 and step == options.warmup_steps:
                dist.barrier()
                started = time.perf_counter()
            batch = mine[step]
            loss = loss_of(model(images_NTF[batch]), labels_N[batch])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
    seconds = time.perf_counter() - started
    if rank == 0:
        counted = (options.epochs * steps - options.warmup_steps) * options.batch
        report(options, counted / seconds, loss.item(), model)
    dist.destroy_process_group()


def set_up_process(rank, options):
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[rank % len(cores)]})
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    dist.init_process_group("gloo", rank=rank, world_size=options.processes)


class Classifier(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.lstm = nn.LSTM(28, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 10)

    def forward(self, x_BTF):
        h_BTH, _ = self.lstm(x_BTF)
        return self.head(h_BTH[:, -1])


def load(folder, split):
    """The split of a Lockstep data set, whose shards any HDF5 reader opens, as pixels in [0, 1]."""
    images, labels = [], []
    for shard in sorted(folder.glob(f"{split}-*.h5")):
        with h5py.File(shard) as file:
            lengths = file["seqLengths"][:, 0]
            assert (lengths == 28).all(), f"{shard}: every image has 28 rows"
            images.append(torch.from_numpy(file["inputs"][:]).view(len(lengths), 28, 28))
            labels.append(torch.from_numpy(file["targets/data/classes"][:].astype("int64")))
    return torch.cat(images).float().div_(255), torch.cat(labels)


def report(options, rate, loss, model):
    line = {"samples_per_second": rate, "world_size": options.processes, "loss": loss,
            "torch": torch.__version__}
    if options.evaluate:
        with torch.no_grad():
            images, labels = load(options.data, "test")
            right = sum((model.module(images[i : i + 500]).argmax(1) == labels[i : i + 500]).sum().item()
                        for i in range(0, len(images), 500))
        line["test_accuracy"] = right / len(labels)
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
