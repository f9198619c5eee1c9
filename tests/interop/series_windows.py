#!/usr/bin/env python3
"""Windows of a series, cut by numpy alone from the CSV file, against a data set.

usage: series_windows.py DATASET CSV TRAIN,VALIDATION,TEST STRIDE TARGETS

The counts are rows; TARGETS are names of columns with commas between. The first column of the CSV
file is the date. Exits 1 when a number differs.
"""

import csv
import datetime
import gzip
import json
import math
import pathlib
import sys

import h5py
import numpy as np


def read_table(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rt") as file:
        header, *rows = list(csv.reader(file))
    values = np.array([[float(word or "nan") for word in row[1:]] for row in rows])
    return header[1:], [datetime.datetime.fromisoformat(row[0]) for row in rows], values


def circle(part):
    return [math.sin(2 * math.pi * part), math.cos(2 * math.pi * part)]


CALENDAR = {
    "hour": lambda d: (d.hour + d.minute / 60 + d.second / 3600) / 24,
    "weekday": lambda d: d.weekday() / 7,
    "day": lambda d: (d.day - 1) / 31,
    "month": lambda d: (d.month - 1) / 12,
    "yearday": lambda d: (d.timetuple().tm_yday - 1) / 366,
}


def forward(column):
    for row in range(len(column)):
        if math.isnan(column[row]):
            column[row] = column[row - 1] if row else 0
    return column


def rows_since(present, most):
    count, counts = most, []
    for there in present:
        count = 0 if there else min(most, count + 1)
        counts.append(count / most)
    return counts


def main(dataset, table, counts, stride, targets):
    dataset = pathlib.Path(dataset)
    manifest = json.loads((dataset / "manifest.json").read_text())
    series = manifest["series"]
    history, horizon = series["history"], series["horizon"]
    names, dates, values = read_table(table)
    counts = [int(count) for count in counts.split(",")]
    mean, deviation = np.nanmean(values[:counts[0]], 0), np.nanstd(values[:counts[0]], 0)
    np.testing.assert_allclose(manifest["scaling"]["inputs"]["mean"][:len(names)], mean, rtol=1e-9)
    np.testing.assert_allclose(manifest["scaling"]["inputs"]["deviation"][:len(names)], deviation, rtol=1e-9)
    scaled = (values - mean) / deviation
    present = ~np.isnan(values)
    calendar = np.array([sum((circle(CALENDAR[name](d)) for name in series["calendar"]), [])
                         for d in dates])
    if series["missing"] == "mask":
        since = np.array([rows_since(column, history) for column in present.T]).T
        inputs = np.hstack([np.nan_to_num(scaled), present, since, calendar])
    else:
        inputs = np.hstack([np.array([forward(c) for c in scaled.T.copy()]).T, calendar])
    chosen = [names.index(target) for target in targets.split(",")]
    assert manifest["scaling"]["future"]["names"] == targets.split(",")

    begin = 0
    for split, count in zip(("train", "validation", "test"), counts):
        starts = [s for s in range(max(begin, history), begin + count - horizon + 1, int(stride))
                  if present[s:s + horizon][:, chosen].all()]
        begin += count
        compare(dataset, manifest, split,
                {"inputs": np.array([inputs[s - history:s] for s in starts]),
                 "future": np.array([scaled[s:s + horizon][:, chosen] for s in starts]),
                 "known": np.array([calendar[s:s + horizon] for s in starts])})


def compare(dataset, manifest, name, expected):
    split = next((s for s in manifest["splits"] if s["name"] == name), None)
    assert split["sequences"] == len(expected["inputs"]), (split["sequences"], len(expected["inputs"]))
    row = 0
    for shard in split["shards"]:
        with h5py.File(dataset / shard["file"]) as file:
            for stream in [s["name"] for s in manifest["streams"]]:
                stored = file["inputs" if stream == "inputs" else f"targets/data/{stream}"][:]
                want = expected[stream][row:row + shard["sequences"]]
                np.testing.assert_allclose(stored.reshape(want.shape), want, rtol=1e-5, atol=1e-5)
        row += shard["sequences"]


if __name__ == "__main__":
    main(*sys.argv[1:])
