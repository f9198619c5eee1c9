"""Batches of a Lockstep data set through PyTorch's DataLoader over h5py, as a PyTorch user would load them.

Each worker opens the shards itself; the samples of a batch are read in one call of __getitems__, sorted by
shard, and collated into padded time-major tensors (pad_sequence), scaled to float32. The page cache is warm.

Prints one JSON line: samples and bytes (as stored) per second over the time after the first epoch's start-up.
"""

import argparse
import bisect
import json
import pathlib
import time

import h5py
import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset


def main():
    options = parse_arguments()
    torch.set_num_threads(1)
    data = Shards(options.data, "train")
    loader = DataLoader(data, batch_size=options.batch, shuffle=True, num_workers=options.workers,
                        collate_fn=data.collate, persistent_workers=options.workers > 0)
    samples = stored = 0
    begin = None
    while begin is None or time.perf_counter() - begin < options.seconds:
        for inputs, lengths, targets in loader:
            now = time.perf_counter()
            if begin is None:
                begin = now  # workers have started
                continue
            samples += len(lengths)
            stored += int(lengths.sum()) * data.row_bytes
            if now - begin > options.seconds:
                break
    seconds = time.perf_counter() - begin
    print(json.dumps({"samples_per_second": samples / seconds, "bytes_per_second": stored / seconds}))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, required=True, help="data set folder with dense inputs")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--workers", type=int, default=0, help="processes besides this one")
    parser.add_argument("--seconds", type=float, default=3)
    return parser.parse_args()


class Shards(Dataset):
    """Sequences of dense inputs with one label each, numbered over all shards of a split."""

    def __init__(self, folder, split):
        manifest = json.loads((folder / "manifest.json").read_text())
        shards = next(item for item in manifest["splits"] if item["name"] == split)["shards"]
        self.stream = manifest["streams"][0]
        self.target = manifest["streams"][1]["name"]
        self.paths = [folder / shard["file"] for shard in shards]
        self.first = [0, *np.cumsum([shard["sequences"] for shard in shards]).tolist()]
        self.row_bytes = int(self.stream["element"][1:]) // 8 * self.stream["features"]  # "u8", "f32"
        self.files = None

    def __len__(self):
        return self.first[-1]

    def open(self):
        self.files = [h5py.File(path, "r") for path in self.paths]
        self.inputs = [file["inputs"] for file in self.files]
        self.labels = [file["targets/data"][self.target] for file in self.files]
        lengths = [file["seqLengths"][:, 0].astype(np.int64) for file in self.files]
        self.rows = [np.concatenate([[0], np.cumsum(each)]) for each in lengths]

    def __getitems__(self, ids):
        if self.files is None:
            self.open()
        samples = []
        for number in sorted(ids):
            shard = bisect.bisect_right(self.first, number) - 1
            place = number - self.first[shard]
            begin, end = self.rows[shard][place], self.rows[shard][place + 1]
            samples.append((self.inputs[shard][begin:end], self.labels[shard][place]))
        return samples

    def collate(self, samples):
        tensors = [torch.from_numpy(inputs).float() for inputs, _ in samples]
        lengths = torch.tensor([len(inputs) for inputs in tensors])
        padded = pad_sequence(tensors) * self.stream["scale"] + self.stream["offset"]
        return padded, lengths, torch.tensor([int(label) for _, label in samples])


if __name__ == "__main__":
    main()
