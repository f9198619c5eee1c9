#!/usr/bin/env python3
"""HDF5 files as other programs make them, good and bad, for the test of the importer `h5`.

usage: h5_files.py FOLDER KIND...: makes FOLDER/KIND.h5
"""

import sys

import h5py
import numpy as np

LENGTHS = [2, 0, 3]
INPUTS = [np.array([[100 * i + 10 * t + f for f in range(2)] for t in range(n)],
                   np.float32).reshape(n, 2) for i, n in enumerate(LENGTHS)]
WORDS = [np.array([(i + t) % 4 for t in range(n)], np.int32) for i, n in enumerate(LENGTHS)]


def returnn(file):
    """As RETURNN's documentation has it, with fixed-length texts and real labels."""
    file.attrs["inputPattSize"] = 2
    file["inputs"] = np.concatenate(INPUTS)
    file["seqLengths"] = np.array([[n, 1, n] for n in LENGTHS], np.int32)
    file["seqTags"] = np.array([b"first", b"second", b"a name of more than thirty-one bytes"])
    file["targets/data/classes"] = np.arange(3, dtype=np.uint8)
    file["targets/data/words"] = np.concatenate(WORDS)
    file["targets/labels/classes"] = np.array([b"a", b"b", b"c", b"d", b"e"])
    file["targets/labels/words"] = np.array([b"same", b"same", b"c", b"d"])
    file.create_group("targets/size").attrs.update({"classes": (5, 1), "words": 4})


def returnn_writer(file):
    """The steps of SimpleHDFWriter: growing arrays, tags of variable length, dummies."""
    file.attrs.update({"inputPattSize": 2, "numTimesteps": 0, "numSeqs": 0})
    text = h5py.special_dtype(vlen=str)
    inputs = file.create_dataset("inputs", (0, 2), np.float32, maxshape=(None, None))
    lengths = file.create_dataset("seqLengths", (0, 3), "i", maxshape=(None, None))
    tags = file.create_dataset("seqTags", (0,), text, maxshape=(None,))
    words = file.create_dataset("targets/data/words", (0,), np.int32, maxshape=(None,))
    classes = file.create_dataset("targets/data/classes", (0,), np.int32, maxshape=(None,))
    sizes = file.create_group("targets/size")
    for name in ("words", "classes"):
        sizes.attrs[name] = [1, 1]
        file["targets/labels/" + name] = np.array([b"dummy-label"])
    for i, count in enumerate(LENGTHS):
        for array, values in ((inputs, INPUTS[i]), (words, WORDS[i]), (classes, [i])):
            begin = array.shape[0]
            array.resize(begin + len(values), axis=0)
            array[begin:] = values
        lengths.resize(i + 1, axis=0)
        lengths[i] = [count, 1, count]
        tags.resize(i + 1, axis=0)
        tags[i] = f"sequence {i}"


def returnn_two_columns(file):
    file.attrs["inputPattSize"] = 4
    file["inputs"] = np.concatenate(WORDS)
    file["seqLengths"] = np.array([[n, n] for n in LENGTHS], np.int32)
    for name in ("second", "first"):
        file["targets/data/" + name] = np.concatenate(WORDS)
    file.create_group("targets/size").attrs.update({"first": (4, 1), "second": (4, 1)})


def padded(file, dtype=np.float32):
    x = np.full((3, 4, 2), 77, dtype)  # with room to spare and rubbish in the padding
    w = np.full((3, 4), -5, np.int16)
    for i, count in enumerate(LENGTHS):
        x[i, :count] = INPUTS[i]
        w[i, :count] = WORDS[i]
    file["x"], file["w"], file["n"] = x, w, np.array(LENGTHS)
    file["y"] = np.arange(3)


def other_type(file):
    padded(file, np.float64)


def flat(file):
    file["deep/er/x"] = np.concatenate(INPUTS)
    file["n"] = np.array(LENGTHS, np.uint8)
    file["w"] = np.concatenate(WORDS).astype(">i8")
    file["nw"] = np.array(LENGTHS, np.int64)
    file["y"] = np.arange(3, dtype=">i4")


def images(file):
    file["images"] = np.arange(12, dtype=np.uint8).reshape(2, 3, 2)
    file["labels"] = np.arange(2)
    file["boxes"] = np.arange(4).reshape(2, 2) + 0.5


def large(file):
    """40 MB in two blocks, stored in chunks that cut rows."""
    x = np.arange(2000 * 5000, dtype=np.int32).reshape(2000, 100, 50)
    file.create_dataset("x", data=x, chunks=(500, 30, 20), compression="gzip",
                        compression_opts=1, shuffle=True, fletcher32=True)
    file["n"] = np.array([i * 37 % 100 + 1 for i in range(2000)])


def replace(file, name, values):
    del file[name]
    file[name] = values


def bad_sum(file):
    returnn(file)
    replace(file, "seqLengths", np.array([[2, 1, 2], [1, 1, 0], [3, 1, 3]], np.int32))


def bad_negative(file):
    returnn(file)
    replace(file, "seqLengths", np.array([[3, 1, 2], [-1, 1, 0], [3, 1, 3]], np.int32))


def bad_overflow(file):
    returnn(file)
    most = 2**63 - 1
    replace(file, "seqLengths", np.array([[2, 1, 2], [most, 1, 0], [most, 1, 3]]))


def bad_class(file):
    returnn(file)
    file["targets/data/classes"][2] = 5


def bad_symbol(file):
    returnn(file)
    file["targets/data/words"][3] = -1


def bad_columns(file):
    returnn(file)
    replace(file, "seqLengths", np.array([[n, 1, n, 1] for n in LENGTHS], np.int32))


def bad_size(file):
    returnn(file)
    file.attrs["inputPattSize"] = 3


def bad_type(file):
    returnn(file)
    replace(file, "inputs", np.concatenate(INPUTS).astype(np.float16))


def bad_text(file):
    returnn(file)
    replace(file, "inputs", np.array([b"a"] * 5))


def bad_link(file):
    returnn(file)
    del file["inputs"]
    file["inputs"] = h5py.ExternalLink("/etc/passwd", "/inputs")


def bad_target_link(file):
    returnn(file)
    file["moved"] = file["targets/data/words"]
    del file["targets/data/words"]
    file["targets/data/words"] = h5py.SoftLink("/moved")


def bad_external(file):
    returnn(file)
    del file["inputs"]
    file.create_dataset("inputs", (5, 2), np.float32, external=[("/etc/passwd", 0, 40)])


def bad_virtual(file):
    returnn(file)
    del file["inputs"]
    layout = h5py.VirtualLayout((5, 2), np.float32)
    layout[:] = h5py.VirtualSource("other.h5", "inputs", (5, 2))
    file.create_virtual_dataset("inputs", layout)


def bad_filter(file):
    returnn(file)
    del file["inputs"]
    file.create_dataset("inputs", data=np.concatenate(INPUTS), chunks=(5, 2), compression="lzf")


def bad_rank(file):
    returnn(file)
    replace(file, "inputs", np.zeros((5, 2, 1, 1), np.float32))


def bad_empty(file):
    file.attrs["inputPattSize"] = 2
    file["inputs"] = np.zeros((0, 2), np.float32)
    file["seqLengths"] = np.zeros((0, 2), np.int32)


def bad_huge(file):
    returnn(file)
    del file["inputs"]
    file.create_dataset("inputs", (2**39, 2), np.float32, chunks=(5, 2), compression="gzip")
    replace(file, "seqLengths", np.array([[2**38, 1, 2], [0, 1, 0], [2**38, 1, 3]]))


def bad_name(file):
    returnn(file)
    file["targets/data/.."] = np.arange(3)


def bad_long(file):
    padded(file)
    replace(file, "n", np.array([2, 0, 5]))


def bad_target(file):
    padded(file)
    replace(file, "y", np.arange(4))


def bad_claim(file):
    padded(file)
    del file["x"]
    file.create_dataset("x", (2**39, 4, 2), np.float32, chunks=(1, 4, 2), compression="gzip")


def bad_wide(file):
    padded(file)
    del file["x"]
    file.create_dataset("x", (3, 2**20, 2**20), np.float32, chunks=(1, 4, 2), compression="gzip")


def bad_dimension(file):
    padded(file)
    del file["x"]
    file.create_dataset("x", (3, 2**41, 2), np.float32, chunks=(1, 4, 2))


def main(arguments):
    kinds = {name: value for name, value in globals().items() if callable(value) and name != "main"}
    if len(arguments) < 2 or not set(arguments[1:]) <= set(kinds):
        print(__doc__, file=sys.stderr)
        return 64
    for kind in arguments[1:]:
        with h5py.File(f"{arguments[0]}/{kind}.h5", "w") as file:
            kinds[kind](file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
