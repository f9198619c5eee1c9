"""Bad input on two ranks: the documented exit code within seconds, one message, nothing half-written."""

import json
import os
import pathlib
import shutil
import time
import unittest

from support import SMALL, Workshop, run


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Workshop()
        cls.addClassCleanup(cls.shop.close)

    def broken_copy(self, name, change):
        folder = self.shop.root / f"data-{name}"
        shutil.copytree(self.shop.data, folder)
        change(folder)
        return folder

    def assert_refused(self, name, code, *parts, overrides=(), arguments=None):
        """Two ranks end with `code` within 20 s; the message comes once; the run folder does not."""
        run_dir = self.shop.root / f"run-{name}"
        words = arguments or ["train", self.shop.config, f"data.path={self.shop.data}", f"run.dir={run_dir}", *SMALL,
                              "train.steps=5", *overrides, "-n", "2"]
        start = time.time()
        done = run(words, expect=code, timeout=60)
        self.assertLess(time.time() - start, 20)
        for part in parts:
            self.assertIn(part, done.stderr)
        told = [line for line in done.stderr.splitlines() if line.startswith("lockstep: ")]
        self.assertEqual(len(told), 1, done.stderr)
        return done

    def test_shards(self):
        shard = "train-00000.h5"

        def truncate(folder):
            os.truncate(folder / shard, 3000)

        def flip(folder):
            data = bytearray((folder / shard).read_bytes())
            data[len(data) // 2] ^= 1
            (folder / shard).write_bytes(data)

        cases = {
            "missing": (lambda folder: (folder / shard).unlink(), 66),
            "empty": (lambda folder: (folder / shard).write_bytes(b""), 65),
            "truncated": (truncate, 65),
            "text": (lambda folder: (folder / shard).write_text("not HDF5" * 500), 65),
            "flipped": (flip, 65),
        }
        for name, (change, code) in cases.items():
            with self.subTest(name):
                folder = self.broken_copy(name, change)
                self.assert_refused(name, code, shard, overrides=[f"data.path={folder}"])
                self.assertFalse((self.shop.root / f"run-{name}").exists())

    def test_shard_of_another_shape_with_a_true_checksum(self):
        import hashlib

        import h5py
        import numpy

        def rewrite(change):
            def apply(folder):
                path = folder / "train-00000.h5"
                with h5py.File(path, "r+") as file:
                    change(file)
                manifest = json.loads((folder / "manifest.json").read_text())
                text = json.dumps(manifest)
                for split in manifest["splits"]:
                    for entry in split["shards"]:
                        if entry["file"] == path.name:
                            entry["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
                            entry["bytes"] = path.stat().st_size
                self.assertNotEqual(text, json.dumps(manifest))
                (folder / "manifest.json").write_text(json.dumps(manifest))
            return apply

        def as_doubles(file):
            values = file["inputs"][...].astype("f8")
            del file["inputs"]
            file.create_dataset("inputs", data=values)

        def transposed(file):
            values = numpy.ascontiguousarray(file["inputs"][...].T)
            del file["inputs"]
            file.create_dataset("inputs", data=values)

        def label_out_of_range(file):
            file["targets/data/classes"][5] = 99

        for name, change in {"doubles": as_doubles, "transposed": transposed, "label": label_out_of_range}.items():
            with self.subTest(name):
                folder = self.broken_copy(name, rewrite(change))
                self.assert_refused(name, 65, "train-00000.h5", overrides=[f"data.path={folder}"])

    def test_data_set_folder(self):
        self.assert_refused("nowhere", 66, "manifest.json", overrides=["data.path=/nonexistent/folder"])
        folder = self.broken_copy("manifest", lambda f: (f / "manifest.json").write_text('{"format_version": 1'))
        self.assert_refused("manifest", 65, "manifest.json", overrides=[f"data.path={folder}"])

    def test_config(self):
        self.shop.root.joinpath("typo.yaml").write_text("modle:\n  hidden_size: 8\ntrain:\n  epochs: many\n")
        done = self.assert_refused("typo", 78, "typo.yaml:1:1", "model", "typo.yaml:4:11",
                                   arguments=["train", self.shop.root / "typo.yaml", "-n", "2"])
        self.assertNotIn("mpirun", done.stderr)
        self.assert_refused("override", 78, "model.hidden_sise", "model.hidden_size", overrides=["model.hidden_sise=3"])

    def test_run_folder(self):
        blocked = self.shop.root / "a-file"
        blocked.write_text("not a folder")
        self.assert_refused("file", 73, "a-file", overrides=[f"run.dir={blocked}"])
        self.assertEqual(blocked.read_text(), "not a folder")
        self.assert_refused("unwritable", 73, "/proc/lockstep", overrides=["run.dir=/proc/lockstep"])

    def test_run_folder_of_another_config(self):
        self.shop.train("first", "train.steps=5")
        before = sorted(str(p) for p in (self.shop.root / "first").rglob("*"))
        self.assert_refused("other", 78, "model.hidden_size", "24", "32",
                            overrides=[f"run.dir={self.shop.root / 'first'}", "model.hidden_size=32"])
        after = sorted(str(p) for p in (self.shop.root / "first").rglob("*") if "ranks" not in str(p))
        self.assertEqual([p for p in before if "ranks" not in p], after)

    def test_unknown_checkpoint(self):
        for verb in (["evaluate"], ["predict", "--input", "/dev/null"]):
            with self.subTest(verb[0]):
                done = run([*verb, self.shop.root / "no-such-run"], expect=66)
                self.assertIn("no-such-run", done.stderr)
        self.assert_refused("resume", 66, "no-such-checkpoint",
                            arguments=self.shop.arguments("resumed", "train.steps=5", ranks=2)
                            + ["--resume", self.shop.root / "no-such-checkpoint"])

    def test_idx_files(self):
        source = self.shop.data / "idx"
        cases = {
            "magic": lambda data: b"\x00\x00\x08\x09" + data[4:],
            "huge": lambda data: data[:4] + b"\xff" * 12 + data[16:],
            "short": lambda data: data[:-1],
            "long": lambda data: data + b"x",
            "nothing": lambda data: b"",
        }
        for name, change in cases.items():
            with self.subTest(name):
                folder = self.shop.root / f"idx-{name}"
                shutil.copytree(source, folder)
                path = folder / "train-images-idx3-ubyte"
                path.write_bytes(change(path.read_bytes()))
                out = self.shop.root / f"out-{name}"
                done = run(["data", "import", "idx", folder, "--out", out], expect=65)
                self.assertIn("train-images-idx3-ubyte", done.stderr)
                self.assertEqual(list(self.shop.root.glob(f"*out-{name}*")), [])

    def test_a_gradient_that_is_not_finite_stops_all_ranks(self):
        done = run(self.shop.arguments("infinite", "train.steps=50", "optimizer.learning_rate=1e39", ranks=2),
                   expect=79)
        self.assertRegex(done.stderr, r"step 2: the gradient is not finite; first on rank 0 \(.*\), rank 1 \(")
        self.assertFalse(list((self.shop.root / "infinite" / "checkpoints").glob("step-*")))


class Applying(unittest.TestCase):
    """evaluate and predict on a trained run."""

    @classmethod
    def setUpClass(cls):
        cls.shop = Workshop()
        cls.addClassCleanup(cls.shop.close)
        cls.result = cls.shop.train("model", "train.epochs=2", ranks=2)

    def test_evaluate_repeats_the_final_figures(self):
        done = run(["evaluate", self.shop.root / "model", "--json"])
        figures = json.loads(done.stdout)
        self.assertEqual(figures["loss"], self.result["test"]["loss"])
        self.assertEqual(figures["accuracy"], self.result["test"]["accuracy"])
        checkpoint = next((self.shop.root / "model" / "checkpoints").iterdir())
        self.assertEqual(json.loads(run(["evaluate", checkpoint, "--json"]).stdout)["samples"], 60)

    def test_predict_agrees_with_evaluate_and_pytorch(self):
        import numpy
        import safetensors.torch
        import torch

        done = run(["predict", self.shop.root / "model", "--data", self.shop.data])
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        labels = numpy.frombuffer((self.shop.data / "idx" / "t10k-labels-idx1-ubyte").read_bytes()[8:], "u1")
        images = numpy.frombuffer((self.shop.data / "idx" / "t10k-images-idx3-ubyte").read_bytes()[16:], "u1")
        images = images.reshape(-1, 28, 28)
        accuracy = numpy.mean([row["class"] == label for row, label in zip(rows, labels, strict=True)])
        self.assertAlmostEqual(accuracy, self.result["test"]["accuracy"], places=9)

        class Classifier(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.lstm = torch.nn.LSTM(28, 24, batch_first=True)
                self.output = torch.nn.Linear(24, 10)

            def forward(self, x):
                return self.output(self.lstm(x)[0][:, -1]).softmax(1)

        model = Classifier()
        newest = sorted((self.shop.root / "model" / "checkpoints").glob("step-*"))[-1]
        model.load_state_dict(safetensors.torch.load_file(newest / "model.safetensors"))
        with torch.no_grad():
            want = model(torch.tensor(images / 255.0, dtype=torch.float32)).numpy()
        got = numpy.array([row["probabilities"] for row in rows])
        self.assertLess(numpy.abs(got - want).max(), 1e-5)

        lines = "".join(json.dumps({"id": i, "inputs": images[i].tolist()}) + "\n" for i in range(5))
        done = run(["predict", self.shop.root / "model"], input=lines)
        for i, line in enumerate(done.stdout.splitlines()):
            row = json.loads(line)
            self.assertEqual((row["id"], row["class"]), (i, rows[i]["class"]))

    def test_predict_answers_bad_lines_and_goes_on(self):
        good = json.dumps({"id": "good", "inputs": [[0] * 28] * 3})
        lines = "\n".join([good, "{broken", json.dumps({"id": 1}), json.dumps({"inputs": [[1, 2]]}),
                           json.dumps({"inputs": [["a"] * 28]}), good])
        done = run(["predict", self.shop.root / "model"], expect=65, input=lines)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(["error" in row for row in rows], [False, True, True, True, True, False])

    def test_a_finished_run_says_so(self):
        result = self.shop.root / "model" / "result.json"
        before = result.read_text()
        done = run(self.shop.arguments("model", "train.epochs=2", ranks=2))
        self.assertIn("is finished after step 10", done.stdout + done.stderr)
        self.assertEqual(result.read_text(), before)

    def test_dry_run_writes_nothing(self):
        arguments = self.shop.arguments("dry", "train.epochs=2", ranks=2) + ["--dry-run"]
        done = run(arguments)
        self.assertIn("parameters", done.stdout)
        self.assertFalse((self.shop.root / "dry").exists())
        self.assertTrue(pathlib.Path(self.shop.data).exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
