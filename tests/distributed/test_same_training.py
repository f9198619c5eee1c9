"""The same training at any world size, and after any stop: losses to 1e-5, parameters to the bit."""

import os
import shutil
import signal
import subprocess
import time
import unittest

from support import LOCKSTEP, Workshop

# 200 samples in batches of 48: the fifth batch of each epoch has 8, on 3 ranks 3 + 3 + 2.
TWENTY = ["train.steps=20", "checkpoint.every=10"]
# Dropout, clipping, weight decay and a schedule, so that all of them must agree.
RICH = ["model.num_layers=2", "model.dropout=0.2", "optimizer.clip_norm=0.5", "optimizer.kind=adamw",
        "optimizer.weight_decay=0.01", "schedule.kind=cosine", "schedule.warmup_steps=3", "data.shift=1"]


class SameTraining(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Workshop()
        cls.addClassCleanup(cls.shop.close)

    def assert_same_losses(self, reference, others, tolerance=1e-5):
        want = self.shop.losses(reference)
        self.assertEqual(sorted(want), list(range(1, 21)))
        for name in others:
            got = self.shop.losses(name)
            self.assertEqual(sorted(got), sorted(want), name)
            for step, loss in want.items():
                self.assertAlmostEqual(got[step], loss, delta=tolerance * abs(loss), msg=f"{name}, step {step}")

    def test_losses_agree_on_1_2_3_and_4_ranks(self):
        for kind, settings in {"plain": [], "rich": RICH}.items():
            orders = set()
            for ranks in (1, 2, 3, 4):
                result = self.shop.train(f"{kind}{ranks}", *TWENTY, *settings, ranks=ranks)
                self.assertEqual(result["world_size"], ranks)
                orders.add(tuple(result["sample_order_sha256"]))
            self.assert_same_losses(f"{kind}1", [f"{kind}{ranks}" for ranks in (2, 3, 4)])
            self.assertEqual(len(orders), 1, "the order of samples depends on the world size")

    def test_test_figures_agree_exactly(self):
        """One model, evaluated by any number of ranks and by rank zero alone: the same figures."""
        self.shop.train("judged", *TWENTY)
        figures = []
        for ranks in (1, 2, 3):
            command = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(ranks), LOCKSTEP, "evaluate",
                       str(self.shop.root / "judged"), "--batch-size", "7", "--json"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120)
            self.assertEqual(done.returncode, 0, done.stderr)
            line = done.stdout.strip().splitlines()[-1]
            figures.append(line[: line.index('"seconds"')])
        self.assertEqual(figures[0], figures[1])
        self.assertEqual(figures[0], figures[2])

    def test_accumulation_changes_nothing(self):
        self.shop.train("whole", *TWENTY)
        self.shop.train("pieces", *TWENTY, "batch.accumulation=3", ranks=2)
        self.assert_same_losses("whole", ["pieces"])

    def test_stopped_and_continued_ends_in_the_same_bits(self):
        for ranks in (1, 2, 3):
            whole = self.shop.train(f"uninterrupted{ranks}", *TWENTY, *RICH, ranks=ranks)
            self.shop.train(f"stopped{ranks}", "train.steps=20", "checkpoint.every=7", *RICH, ranks=ranks)
            for folder in (self.shop.root / f"stopped{ranks}" / "checkpoints").glob("step-00000020*"):
                shutil.rmtree(folder)  # as if it had ended after step 14, in the middle of an epoch
            again = self.shop.train(f"stopped{ranks}", "train.steps=20", "checkpoint.every=7", *RICH, ranks=ranks)
            self.assertEqual(again["parameters_sha256"], whole["parameters_sha256"])
            self.assert_same_losses(f"uninterrupted{ranks}", [f"stopped{ranks}"], tolerance=0)

    def test_reproducible_gives_the_same_bits_at_1_2_and_4_ranks(self):
        settings = [*TWENTY, *RICH, "reproducible=true", "lanes=4"]
        hashes = {self.shop.train(f"bits{ranks}", *settings, ranks=ranks)["parameters_sha256"] for ranks in (1, 2, 4)}
        self.assertEqual(len(hashes), 1)
        # ... and when the run moves from 1 rank to 4 to 2.
        chain = self.shop.root / "chain"
        for ranks, steps in ((1, 6), (4, 13), (2, 20)):
            result = self.shop.train("chain", *RICH, "reproducible=true", "lanes=4", "checkpoint.every=100",
                                     f"train.steps={steps}", "schedule.kind=constant", ranks=ranks)
        whole = self.shop.train("unchained", *TWENTY, *RICH, "reproducible=true", "lanes=4",
                                "schedule.kind=constant", ranks=1)
        self.assertTrue(chain.exists())
        self.assertEqual(result["parameters_sha256"], whole["parameters_sha256"])

    def test_reproducible_refuses_a_world_that_does_not_divide_the_lanes(self):
        done = self.shop.train("three", *TWENTY, "reproducible=true", "lanes=4", ranks=3, expect=78)
        self.assertIn("1 2 4", done.stderr)

    def test_killed_and_started_again_goes_on(self):
        whole = self.shop.train("unkilled", "train.steps=400", "checkpoint.every=20", ranks=2)
        arguments = self.shop.arguments("killed", "train.steps=400", "checkpoint.every=20", "run.max_restarts=0",
                                        ranks=2)
        process = subprocess.Popen([LOCKSTEP, *map(str, arguments)], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        checkpoints = self.shop.root / "killed" / "checkpoints"
        deadline = time.time() + 60
        while not list(checkpoints.glob("step-*")) and time.time() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertTrue(list(checkpoints.glob("step-*")))
        result = self.shop.train("killed", "train.steps=400", "checkpoint.every=20", ranks=2)
        self.assertEqual(result["parameters_sha256"], whole["parameters_sha256"])
        self.assertEqual(sorted(self.shop.losses("killed")), list(range(1, 401)))

    def test_a_signal_drains_the_run(self):
        for number in (signal.SIGTERM, signal.SIGUSR1):
            name = f"drained{number}"
            arguments = self.shop.arguments(name, "train.steps=100000", "checkpoint.every=100000", ranks=2)
            process = subprocess.Popen([LOCKSTEP, *map(str, arguments)], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE, text=True)
            metrics = self.shop.root / name / "metrics.jsonl"
            deadline = time.time() + 60
            while not (metrics.exists() and metrics.stat().st_size > 0) and time.time() < deadline:
                time.sleep(0.02)
            process.send_signal(number)
            _, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 75, errors)
            steps = self.shop.result(name)["steps"]
            self.assertTrue(list((self.shop.root / name / "checkpoints").glob(f"step-{steps:08}*")))

    def test_a_lost_rank_is_answered_by_a_restart(self):
        whole = self.shop.train("unlost", "train.steps=400", "checkpoint.every=20", ranks=2)
        arguments = self.shop.arguments("lost", "train.steps=400", "checkpoint.every=20", ranks=2)
        process = subprocess.Popen([LOCKSTEP, *map(str, arguments)], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        checkpoints = self.shop.root / "lost" / "checkpoints"
        deadline = time.time() + 60
        while not list(checkpoints.glob("step-*")) and time.time() < deadline:
            time.sleep(0.01)
        state = (self.shop.root / "lost" / "ranks" / "rank-00001.state").read_bytes()
        os.kill(int.from_bytes(state[24:32], "little"), signal.SIGKILL)
        _, errors = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, errors)
        self.assertEqual(self.shop.result("lost")["parameters_sha256"], whole["parameters_sha256"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
