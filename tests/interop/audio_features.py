#!/usr/bin/env python3
"""The features of sound files by their written-out formulas in double precision, against a data set.

usage: audio_features.py DATASET FOLDER

DATASET was imported from the .wav files (16 bits) in FOLDER with --split 1,0,0 --split-by position;
its manifest says which features it holds. Exits 1 when a number differs.
"""

import json
import pathlib
import sys
import wave

import h5py
import numpy as np


def read_wav(path):
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64) / 32768
        return samples.reshape(-1, file.getnchannels()).mean(1)


def spectra(samples, audio):
    rate = audio["sample_rate"]
    size, step = round(audio["window_ms"] * rate / 1000), round(audio["step_ms"] * rate / 1000)
    samples = np.concatenate([samples[:1], samples[1:] - audio["pre_emphasis"] * samples[:-1]])
    samples = np.pad(samples, (0, max(0, size - len(samples))))
    mean = {"hamming": 0.54, "hann": 0.5}[audio["window"]]
    window = mean - (1 - mean) * np.cos(2 * np.pi * np.arange(size) / (size - 1))
    length = 1 << (size - 1).bit_length()
    starts = range(0, len(samples) - size + 1, step)
    # The transform as a sum over samples, not as an FFT.
    turns = np.outer(np.arange(length // 2 + 1), np.arange(size)) / length
    dft = np.exp(-2j * np.pi * turns)
    return np.array([np.abs(dft @ (samples[start:start + size] * window)) ** 2 for start in starts])


def log_mel(power, audio):
    def mel(hz):
        return 2595 * np.log10(1 + hz / 700)

    nyquist = audio["sample_rate"] / 2
    points = np.linspace(mel(audio["low_hz"]), mel(audio["high_hz"] or nyquist), audio["bands"] + 2)
    bins = mel(np.linspace(0, nyquist, power.shape[1]))
    filters = np.array([np.interp(bins, points[b:b + 3], [0, 1, 0], left=0, right=0)
                        for b in range(audio["bands"])])
    energies = np.log(np.maximum(power @ filters.T, 1e-10))
    if "range_db" in audio:
        energies = np.maximum(energies, energies.max() - np.log(10 ** (audio["range_db"] / 10)))
    return energies


def cepstrum(energies, audio):
    bands = audio["bands"]
    i, j = np.ogrid[0:audio["coefficients"], 1:bands + 1]
    return energies @ (np.sqrt(2 / bands) * np.cos(np.pi * i * (j - 0.5) / bands)).T


def deltas(values):
    padded = np.pad(values, ((2, 2), (0, 0)), mode="edge")
    count = len(values)
    return sum(k * (padded[2 + k:2 + k + count] - padded[2 - k:2 - k + count]) for k in (1, 2)) / 10


def features(samples, audio):
    values = log_mel(spectra(samples, audio), audio)
    if audio["features"] == "mfcc":
        values = cepstrum(values, audio)
    orders = [values]
    for _ in range(audio["deltas"]):
        orders.append(deltas(orders[-1]))
    return np.concatenate(orders, axis=1)


def normalise(utterances, manifest):
    kind = manifest["audio"]["normalise"]
    if kind == "utterance":
        return [(u - u.mean(0)) / u.std(0) for u in utterances]
    if kind == "train":
        frames = np.concatenate(utterances)
        scaling = manifest["scaling"]["inputs"]
        np.testing.assert_allclose(scaling["mean"], frames.mean(0), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(scaling["deviation"], frames.std(0), rtol=1e-4)
        return [(u - frames.mean(0)) / frames.std(0) for u in utterances]
    return utterances


def main(dataset, folder):
    dataset = pathlib.Path(dataset)
    manifest = json.loads((dataset / "manifest.json").read_text())
    files = sorted(pathlib.Path(folder).glob("*.wav"))
    expected = normalise([features(read_wav(f), manifest["audio"]) for f in files], manifest)
    with h5py.File(dataset / manifest["splits"][0]["shards"][0]["file"]) as shard:
        lengths, inputs = shard["seqLengths"][:, 0], shard["inputs"][:]
    assert list(lengths) == [len(u) for u in expected], (lengths, [len(u) for u in expected])
    for file, begin, want in zip(files, np.cumsum(lengths) - lengths, expected):
        np.testing.assert_allclose(inputs[begin:begin + len(want)], want, rtol=1e-4, atol=1e-4,
                                   err_msg=file.name)


if __name__ == "__main__":
    main(*sys.argv[1:])
