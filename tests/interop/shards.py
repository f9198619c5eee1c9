#!/usr/bin/env python3
"""The other side of the shard format: plain h5py, with the names RETURNN's HDFDataset reads.

usage: shards.py check FOLDER | shards.py write FILE | shards.py write_plain FILE

`check` reads the data set that the unit test wrote into FOLDER and compares every name, type and
value with what FORMAT.md says. `write` makes a shard as a RETURNN user would, for our reader,
`write_plain` the same sequences as arrays of a plain h5py user: padded, flat, flat with own lengths.
"""

import json
import pathlib
import sys

import h5py
import numpy as np


def ragged(sequence):
    """The numbers of one sequence of the test's data set, from its number alone."""
    length = 1 + (sequence * 7 + 3) % 9
    inputs = np.float32(sequence) + np.arange(length * 3, dtype=np.float32) / 64
    regression = sequence - np.arange(length * 2, dtype=np.float64) / 8
    words = [(sequence + i) % 11 for i in range(sequence % 5)]
    return inputs.reshape(length, 3), regression.reshape(length, 2), np.array(words, np.int32)


def check(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    assert [stream["name"] for stream in manifest["streams"]] == ["inputs", "regression", "words"]
    sequence = 0
    for shard in manifest["splits"][0]["shards"]:
        with h5py.File(folder / shard["file"], "r") as file:
            sequence = check_shard(file, shard["sequences"], sequence)
    assert sequence == manifest["splits"][0]["sequences"] > 0
    print(f"{sequence} sequences are as documented")


def check_shard(file, count, first):
    assert set(file) == {"inputs", "seqLengths", "seqTags", "targets"}
    assert file.attrs["inputPattSize"] == 3
    assert set(file["targets"]) == {"data", "size", "labels"}
    assert list(file["targets/size"].attrs["regression"]) == [2, 2]
    assert list(file["targets/size"].attrs["words"]) == [11, 1]
    labels = [label.decode() for label in file["targets/labels/words"]]
    assert labels == list("abcdefghij") + ["long label"], labels
    assert file["inputs"].dtype == "<f4" and file["targets/data/words"].dtype == "<i4"
    assert file["seqLengths"].dtype == "<i4" and file["seqLengths"].shape == (count, 3)
    assert file["seqTags"].dtype.kind == "S"
    for name in ("inputs", "targets/data/regression", "targets/data/words", "seqLengths"):
        assert file[name].fletcher32 and file[name].chunks, name
    begin = np.zeros(3, np.int64)
    for row in range(count):
        assert file["seqTags"][row].decode() == f"train{first + row}"
        end = begin + file["seqLengths"][row]
        for column, (name, expected) in enumerate(zip(
                ("inputs", "targets/data/regression", "targets/data/words"), ragged(first + row))):
            found = file[name][begin[column]:end[column]]
            assert np.array_equal(found, expected), (name, first + row, found, expected)
        begin = end
    return first + count


def write(path):
    sequences = [ragged(i) for i in range(30)]
    with h5py.File(path, "w") as file:
        file.attrs["inputPattSize"] = 3
        file.attrs["inputSeqLength"] = 0  # RETURNN's tools leave more than we look for
        file["inputs"] = np.concatenate([s[0] for s in sequences])
        file["seqLengths"] = np.array([[len(part) for part in s] for s in sequences], np.int32)
        file["seqTags"] = np.array([f"sequence-{i}".encode() for i in range(30)])
        file.create_dataset("targets/data/regression", data=np.concatenate([s[1] for s in sequences]),
                            chunks=(7, 2), compression="gzip", shuffle=True, fletcher32=True)
        file.create_dataset("targets/data/words", data=np.concatenate([s[2] for s in sequences]),
                            chunks=(5,), maxshape=(None,))
        sizes = file.create_group("targets/size")
        sizes.attrs["regression"] = (2, 2)
        sizes.attrs["words"] = 11
        file["targets/labels/words"] = np.array([b"a", b"b"])


def write_plain(path):
    sequences = [ragged(i) for i in range(30)]
    lengths = np.array([len(s[0]) for s in sequences])
    padded = np.full((30, lengths.max(), 3), np.nan, np.float32)
    for row, (inputs, _, _) in zip(padded, sequences):
        row[:len(inputs)] = inputs
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=padded, chunks=(4, 5, 3), compression="gzip")
        file["x_lengths"] = lengths
        file["y"] = np.concatenate([s[1] for s in sequences])
        file["z"] = np.concatenate([s[2] for s in sequences]).astype(np.int16)
        file["z_lengths"] = np.array([len(s[2]) for s in sequences], np.uint8).astype(np.int32)
        file["bad_lengths"] = np.full(30, 2**31 - 1, np.int32)


def main(arguments):
    verbs = {"check": check, "write": write, "write_plain": write_plain}
    if len(arguments) != 2 or arguments[0] not in verbs:
        print(__doc__, file=sys.stderr)
        return 64
    verbs[arguments[0]](pathlib.Path(arguments[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
