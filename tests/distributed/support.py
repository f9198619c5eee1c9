"""What the tests of whole runs share: the binary, a small data set, running and reading a run."""

import hashlib
import json
import os
import pathlib
import subprocess
import tempfile

LOCKSTEP = os.environ["LOCKSTEP_BINARY"]
CONFIGS = pathlib.Path(__file__).resolve().parents[2] / "configs"

# 1 thread a rank: four ranks share two cores, and results of threaded sums depend on their number.
SMALL = ["task=sequence_classification", "device=cpu", "model.hidden_size=24", "batch.size=48",
         "run.threads=1", "train.log_every=1", "communication.timeout_seconds=60"]


def run(arguments, expect=0, timeout=120, env=None, **options):
    """Runs lockstep; fails with its output when the exit code is not the expected one."""
    done = subprocess.run([LOCKSTEP, *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
                          env={**os.environ, **(env or {})}, **options)
    if expect is not None and done.returncode != expect:
        raise AssertionError(f"exit code {done.returncode}, expected {expect}\n$ lockstep {arguments}\n"
                             f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done


class Workshop:
    """A temporary folder with a small data set of generated digits: 200 to train on, 60 to test on."""

    def __init__(self):
        self.holder = tempfile.TemporaryDirectory(prefix="lockstep-test-")
        self.root = pathlib.Path(self.holder.name)
        self.data = self.root / "digits"
        run(["data", "generate", "digits", "--out", self.data, "--train", "200", "--test", "60", "--seed", "3"])
        self.config = self.root / "small.yaml"
        self.config.write_text("task: sequence_classification\n")

    def close(self):
        self.holder.cleanup()

    def ragged_data(self):
        """A data set of 200 sequences of 2 to 30 steps of 6 numbers in 3 classes, written by h5py."""
        folder = self.root / "ragged"
        if folder.exists():
            return folder
        import h5py
        import numpy
        folder.mkdir()
        random = numpy.random.default_rng(4)
        lengths = random.integers(2, 31, size=200)
        classes = random.integers(0, 3, size=200)
        inputs = numpy.concatenate([random.normal(label - 1, 1, size=(length, 6))
                                    for length, label in zip(lengths, classes)]).astype("float32")
        shard = folder / "train-00000.h5"
        with h5py.File(shard, "w") as file:
            file.attrs["inputPattSize"] = 6
            file["inputs"] = inputs
            file["seqLengths"] = numpy.stack([lengths, numpy.ones_like(lengths)], axis=1).astype("int32")
            file["seqTags"] = numpy.array([f"sequence-{i}".encode() for i in range(200)])
            file["targets/data/classes"] = classes.astype("int32")
            file.create_group("targets/size").attrs["classes"] = (3, 1)
        stream = {"scale": 1.0, "offset": 0.0, "labels": []}
        (folder / "manifest.json").write_text(json.dumps({
            "format": "lockstep-dataset", "format_version": 1, "source": "made up",
            "streams": [{"name": "inputs", "element": "f32", "features": 6, "num_classes": 0, **stream},
                        {"name": "classes", "element": "i32", "features": 0, "num_classes": 3, **stream}],
            "splits": [{"name": "train", "sequences": 200, "shortest": int(lengths.min()),
                        "longest": int(lengths.max()),
                        "shards": [{"file": shard.name, "sequences": 200, "bytes": shard.stat().st_size,
                                    "sha256": hashlib.sha256(shard.read_bytes()).hexdigest(),
                                    "steps": [int(lengths.sum()), 200]}]}]}))
        return folder

    def arguments(self, name, *overrides, ranks=1):
        return ["train", self.config, f"data.path={self.data}", f"run.dir={self.root / name}", *SMALL,
                *overrides, "-n", ranks]

    def train(self, name, *overrides, ranks=1, expect=0, **options):
        done = run(self.arguments(name, *overrides, ranks=ranks), expect=expect, **options)
        return done if expect != 0 else self.result(name)

    def result(self, name):
        return json.loads((self.root / name / "result.json").read_text())

    def figures(self, name, *options, ranks):
        """What `evaluate --json` says on so many ranks: the text of all figures but the time it took, and all."""
        command = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(ranks), LOCKSTEP, "evaluate",
                   str(self.root / name), *options, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        line = done.stdout.strip().splitlines()[-1]
        return line[: line.index('"seconds"')], json.loads(line)

    def assert_batches_agree(self, test, name, lines, *options, tolerance=1e-5):
        """Lines of JSON get the same answers alone and together, in their order, and also where some are mistakes."""
        text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n"
        alone, together = ([json.loads(line) for line in run(["predict", self.root / name, "--batch-size", size, *options], expect=None,
                                                             input=text).stdout.splitlines()] for size in (1, 64))
        test.assertEqual(len(alone), len(lines))
        assert_alike(test, alone, together, tolerance)

    def assert_same_losses(self, test, names, tolerance=1e-5):
        """All runs have the first one's training losses at every step, to a share of them."""
        want = self.losses(names[0])
        test.assertGreater(len(want), 0)
        for name in names[1:]:
            got = self.losses(name)
            for step, loss in want.items():
                test.assertAlmostEqual(got[step], loss, delta=tolerance * loss, msg=f"{name}, step {step}")

    def losses(self, name):
        """Training loss by step."""
        lines = (self.root / name / "metrics.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        return {row["step"]: row["loss"] for row in rows if row["split"] == "train"}


def assert_alike(test, first, second, tolerance):
    """The same JSON, but that numbers may differ by a share of them."""
    if isinstance(first, float):
        test.assertAlmostEqual(first, second, delta=tolerance * max(1, abs(first)))
    elif isinstance(first, (dict, list)):
        test.assertEqual(len(first), len(second))
        test.assertEqual(list(first) if isinstance(first, dict) else [], list(second) if isinstance(second, dict) else [])
        for key in first if isinstance(first, dict) else range(len(first)):
            assert_alike(test, first[key], second[key], tolerance)
    else:
        test.assertEqual(first, second)
