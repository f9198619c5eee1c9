"""Comparing evaluations: averaged weights, the best checkpoint, early ends, rates that fall; each through a restart."""

import json
import shutil
import unittest

import numpy
from safetensors.numpy import load_file

from support import Workshop, run

EVERY_STEP = ["checkpoint.every=1", "checkpoint.keep=30", "evaluate.every=2"]
ALL = ["train.average=0.9", "schedule.kind=plateau", "schedule.threshold=0.05", "select.keep_best=true",
       "select.metric=accuracy", "evaluate.every=2", "model.dropout=0.1"]


class Selection(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Workshop()
        cls.addClassCleanup(cls.shop.close)

    def checkpoint(self, name, step, file):
        return load_file(self.shop.root / name / "checkpoints" / f"step-{step:08}" / f"{file}.safetensors")

    def rows(self, name, split):
        lines = (self.shop.root / name / "metrics.jsonl").read_text().splitlines()
        return [row for row in map(json.loads, lines) if row["split"] == split]

    def test_averages_follow_their_formula_and_are_what_is_evaluated(self):
        for ranks in (1, 2):
            name = f"average{ranks}"
            self.shop.train(name, "train.steps=8", "train.average=0.6", *EVERY_STEP, ranks=ranks)
            average = None
            for step in range(1, 9):
                trained = {key.removeprefix("trained/"): value.astype("float64")
                           for key, value in self.checkpoint(name, step, "optimizer").items() if "trained/" in key}
                model = self.checkpoint(name, step, "model")
                if average is not None:
                    decay = min(0.6, (1 + step) / (10 + step))
                    average = {key: decay * average[key] + (1 - decay) * trained[key] for key in trained}
                    for key, value in average.items():
                        numpy.testing.assert_allclose(model[key], value, atol=1e-6, err_msg=f"{key}, step {step}")
                average = {key: value.astype("float64") for key, value in model.items()}
            self.assertGreater(max(abs(trained[key] - average[key]).max() for key in trained), 1e-4)
            _, figures = self.shop.figures(name, ranks=1)
            self.assertEqual(figures["metrics"]["loss"] if "metrics" in figures else figures["loss"],
                             self.rows(name, "test")[-1]["loss"])

    def test_a_stopped_run_goes_on_to_the_same_bits_and_the_same_best(self):
        arguments = ["train.steps=20", "checkpoint.every=7", *ALL]
        for ranks in (1, 3):
            whole = self.shop.train(f"whole{ranks}", *arguments, ranks=ranks)
            name = f"stopped{ranks}"
            self.shop.train(name, *arguments, ranks=ranks)
            for folder in (self.shop.root / name / "checkpoints").glob("step-00000020*"):
                shutil.rmtree(folder)
            again = self.shop.train(name, *arguments, ranks=ranks)
            self.assertEqual(again["parameters_sha256"], whole["parameters_sha256"])
            self.assertEqual(again["best"], whole["best"])
            rates = [row["learning_rate"] for row in self.rows(f"whole{ranks}", "train")]
            self.assertEqual([row["learning_rate"] for row in self.rows(name, "train")][-6:], rates[-6:])
            best = self.checkpoint_of_best(f"whole{ranks}")
            for key, value in self.checkpoint_of_best(name).items():
                numpy.testing.assert_array_equal(value, best[key], err_msg=key)

    def checkpoint_of_best(self, name):
        folders = list((self.shop.root / name / "best").glob("step-*"))
        self.assertEqual(len(folders), 1)
        return load_file(folders[0] / "model.safetensors")

    def test_the_best_is_the_best_and_can_be_used(self):
        result = self.shop.train("best", "train.steps=20", "select.keep_best=true", "evaluate.every=1",
                                 "optimizer.learning_rate=0.3", ranks=2)
        rows = self.rows("best", "test")
        least = min(rows, key=lambda row: row["loss"])
        self.assertEqual(result["best"]["test"]["step"], least["step"])
        self.assertEqual(result["best"]["test"]["loss"], least["loss"])
        self.assertLess(least["loss"], rows[-1]["loss"])  # else this would show nothing
        _, figures = self.shop.figures("best/best", ranks=2)
        self.assertAlmostEqual(figures["loss"], least["loss"], places=12)

    def test_a_run_that_gets_no_better_ends(self):
        still = ["optimizer.learning_rate=1e-30", "evaluate.every=3", "select.patience=4"]
        result = self.shop.train("patient", *still, ranks=2)
        self.assertEqual((result["status"], result["steps"]), ("finished", 15))
        self.assertIn("4 evaluations were not better", result["message"])
        again = self.shop.train("patient", *still, ranks=2)
        self.assertEqual(again["steps"], 15)

    def test_a_plateau_lowers_the_rate(self):
        self.shop.train("plateau", "optimizer.learning_rate=1e-30", "evaluate.every=2", "schedule.kind=plateau",
                        "schedule.factor=0.1", "schedule.patience=1", "train.steps=14")
        rates = [row["learning_rate"] / 1e-30 for row in self.rows("plateau", "train")]
        # Evaluations after steps 2 (the first), 4 and 6: two that are no better, then again.
        numpy.testing.assert_allclose(rates, [1] * 6 + [0.1] * 4 + [0.01] * 4, rtol=1e-9)

    def test_values_are_clipped(self):
        arguments = ["optimizer.kind=sgd", "optimizer.learning_rate=1", "train.steps=1"]
        self.shop.train("before", *arguments, "optimizer.learning_rate=1e-30")
        for sharded in ("false", "true"):
            name = f"clipped-{sharded}"
            self.shop.train(name, *arguments, "optimizer.clip_value=0.0005", f"optimizer.sharded={sharded}", ranks=2)
            before, after = self.checkpoint("before", 1, "model"), self.checkpoint(name, 1, "model")
            moves = numpy.concatenate([abs(after[key] - before[key]).ravel() for key in before])
            self.assertLess(moves.max(), 0.00051)
            self.assertGreater((moves > 0.00049).mean(), 0.05)
            self.assertLess((moves > 0.00049).mean(), 0.95)

    def test_what_does_not_fit_is_refused(self):
        for message, *overrides in (
                ("evaluations have no \"beauty\"", "select.keep_best=true", "select.metric=beauty"),
                ("\"nowhere\" is not evaluated", "select.patience=3", "select.split=nowhere"),
                ("nothing is evaluated", "schedule.kind=plateau", "data.test_split=none"),
                ("exclude each other", "optimizer.clip_value=1", "optimizer.clip_norm=1"),
                ("must be set for", "schedule.kind=step")):
            done = self.shop.train("refused", *overrides, ranks=2, expect=78)
            self.assertIn(message, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
