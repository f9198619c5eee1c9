#!/usr/bin/env python3
"""Makes tests/fuzz/corpus: the small files that fuzzing starts from, all written by us.

usage: make_corpus.py FOLDER
"""

import gzip
import json
import pathlib
import struct
import sys

import h5py
import numpy as np


def manifest():
    inputs = {"name": "inputs", "element": "u8", "features": 28, "scale": 0.5, "offset": 0.0,
              "num_classes": 0, "labels": []}
    classes = {"name": "classes", "element": "i32", "features": 0, "scale": 1.0, "offset": 0.0,
               "num_classes": 2, "labels": ["a", "b"]}
    shard = {"file": "train-00000.h5", "sequences": 3, "bytes": 5000, "sha256": "0a" * 32,
             "steps": [84, 3]}
    split = {"name": "train", "sequences": 3, "shortest": 5, "longest": 30, "shards": [shard],
             "length_histogram": [[5, 1], [28, 2]]}
    full = {"format": "lockstep-dataset", "format_version": 1, "source": "a test",
            "streams": [inputs, classes], "splits": [split]}
    words = dict(full, streams=[dict(classes, name="inputs")], splits=[],
                 text={"tokens": "words", "end": "<eos>", "unknown": "<unk>"})
    return {"full.json": json.dumps(full).encode(), "text.json": json.dumps(words).encode(),
            "empty.json": b"{}"}


def idx():
    images = struct.pack(">BBBBIII", 0, 0, 8, 3, 3, 2, 2) + bytes(range(12))
    labels = struct.pack(">BBBBI", 0, 0, 8, 1, 3) + bytes(range(3))
    return {"images": images, "labels": labels, "images.gz": gzip.compress(images, mtime=0),
            "labels.gz": gzip.compress(labels, mtime=0)}


def lines():
    text = "The cat, the caf\u00e9\r\n\n  \u670d\u52a1 e\u0301\tlast"
    return {"utf8": b"\0" + b"\xef\xbb\xbf" + text.encode(), "latin1": b"\1" + b"caf\xe9\n",
            "windows1252": b"\2" + b"\x93quotes\x94\n", "gb18030": b"\3" + text.encode("gb18030"),
            "utf16": b"\4" + text.encode("utf-16"), "gzip": b"\0" + gzip.compress(text.encode(), mtime=0),
            "bad": b"\0" + b"caf\xe9\n\xff\n"}


def csv():
    table = 'name,text\n1,"a ""b"", c"\r\n2,"two\nlines"\n\n3,plain\n'
    return {"quotes": b"\2\0" + table.encode(), "plain": b"\0\0" + table.encode(),
            "tabs": b"\1\0" + b"a\tb\nc\t\n", "latin1": b"\2\1" + b'"caf\xe9",x\n',
            "open": b"\2\0" + b'"never closed\n', "gzip": b"\2\0" + gzip.compress(table.encode(), mtime=0)}


def symbols():
    fasta = b"; old comment\n>first g1 a\nACGT\nNNAC\n\n>second g2 b\nTTTT\n"
    return {"fasta": b"\4" + fasta, "three_line": b"\1" + b">p1\nMKV\nHHC\n>p2\nAA\nCC\n",
            "table": b"\2" + b"EI,name,ACGTTGCA\nIE,other,A,C,G,T\n",
            "per_line": b"\3" + b"# comment\n<>\nA h\nC _\n<end>\n<>\nG e\nend\n",
            "gzip": b"\0" + gzip.compress(fasta, mtime=0)}


def table():
    rows = "date,a,b\n2016-07-01 00:00:00,1.5,-2e3\n2016-07-01 01:00:00,NaN,\n"
    return {"dates": b"\3" + rows.encode(), "numbers": b"\0" + b"1,2\n3,?\n",
            "only_header": b"\1" + b"a,b\n",
            "plain_dates": b"\2" + b"2016/07/01,1\n2016/07/02,2\n"}


def vectors():
    return {"plain": b"the 1 -2.5 3e-1\na b 0 0 1\n", "header": b"2 3\nthe 1 2 3\nThe 4 5 6\n"}


def sound():
    def wav(kind, bits, samples, channels=1):
        rate, block = 8000, channels * bits // 8
        chunk = struct.pack("<4sIHHIIHH", b"fmt ", 16, kind, channels, rate, rate * block, block, bits)
        data = struct.pack("<4sI", b"data", len(samples)) + samples
        return b"RIFF" + struct.pack("<I", 4 + len(chunk) + len(data)) + b"WAVE" + chunk + data

    au = struct.pack(">4sIIIII", b".snd", 24, 8, 3, 8000, 1) + bytes(range(8))
    return {"s16.wav": wav(1, 16, bytes(range(32))), "u8.wav": wav(1, 8, bytes(range(16)), 2),
            "f32.wav": wav(3, 32, struct.pack("<4f", 0, 0.5, -1, 1)),
            "nan.wav": wav(3, 32, struct.pack("<2f", 0, float("nan"))), "s16.au": au}


def shard(name, **storage):
    lengths = [2, 0, 3]
    file = h5py.File(name, "w", driver="core", backing_store=False, libver="earliest")
    file.attrs["inputPattSize"] = 2
    inputs = np.arange(10, dtype=storage.pop("dtype", "<f4")).reshape(5, 2)
    words = np.arange(5, dtype="<i4") % 4
    sizes = np.array([[n, n] for n in lengths], "<i4")
    file.create_dataset("inputs", data=inputs, **storage)
    file.create_dataset("targets/data/words", data=words)
    file.create_dataset("seqLengths", data=sizes)
    file["seqTags"] = np.array([b"a", b"b", b"c"])
    file.create_group("targets/size").attrs["words"] = [4, 1]
    file["targets/labels/words"] = np.array([b"w", b"x", b"y", b"z"])
    file.flush()
    image = file.id.get_file_image()
    file.close()
    return image


def hdf5():
    return {"contiguous.h5": shard("a"),
            "chunked.h5": shard("b", chunks=(2, 2), fletcher32=True),
            "compressed.h5": shard("c", chunks=(3, 2), compression="gzip", shuffle=True),
            "big_endian.h5": shard("d", dtype=">f4"),
            "resizable.h5": shard("e", chunks=(4, 2), maxshape=(None, 2))}


def main(arguments):
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 64
    for make in (csv, hdf5, idx, lines, manifest, sound, symbols, table, vectors):
        folder = pathlib.Path(arguments[0]) / make.__name__
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in make().items():
            (folder / name).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
