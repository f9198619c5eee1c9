"""The same training at any world size, and after any stop: losses to 1e-5, parameters to the bit."""

import json
import os
import shutil
import signal
import subprocess
import time
import unittest

from support import LOCKSTEP, Workshop, run

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
        for name in [reference, *others]:
            self.assertEqual(sorted(self.shop.losses(name)), list(range(1, 21)), name)
        self.shop.assert_same_losses(self, [reference, *others], tolerance)

    def test_losses_agree_on_1_2_3_and_4_ranks(self):
        for kind, settings in {"plain": [], "rich": RICH}.items():
            orders = set()
            for ranks in (1, 2, 3, 4):
                result = self.shop.train(f"{kind}{ranks}", *TWENTY, *settings, ranks=ranks)
                self.assertEqual(result["world_size"], ranks)
                orders.add(tuple(result["sample_order_sha256"]))
            self.assert_same_losses(f"{kind}1", [f"{kind}{ranks}" for ranks in (2, 3, 4)])
            self.assertEqual(len(orders), 1, "the order of samples depends on the world size")

    def test_bfloat16_operands_agree_on_1_and_2_ranks_and_are_near_float32(self):
        """Sums that differ in the last bit can round to another bfloat16, so nearly the same only."""
        for ranks in (1, 2):
            self.shop.train(f"bfloat16_{ranks}", *TWENTY, "model.precision=bfloat16", ranks=ranks)
        self.shop.train("float32", *TWENTY)
        self.assert_same_losses("bfloat16_1", ["bfloat16_2"], tolerance=1e-3)
        self.assert_same_losses("float32", ["bfloat16_1"], tolerance=1e-2)
        self.assertNotEqual(self.shop.losses("float32"), self.shop.losses("bfloat16_1"))

    def test_test_figures_agree_exactly(self):
        """One model, evaluated by any number of ranks and by rank zero alone: the same figures."""
        self.shop.train("judged", *TWENTY)
        figures, _ = zip(*(self.shop.figures("judged", "--batch-size", "7", ranks=ranks) for ranks in (1, 2, 3)))
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

    def test_reproducible_gives_the_same_bits_at_1_2_4_and_8_ranks(self):
        """200 steps with dropout, ragged lengths, clipping, AdamW and accumulation."""
        ragged = self.shop.ragged_data()
        settings = [f"data.path={ragged}", "train.steps=200", "train.log_every=50", "checkpoint.every=1000",
                    "evaluate.every=1000", *RICH, "data.shift=0", "schedule.kind=constant", "reproducible=true",
                    "lanes=8", "batch.accumulation=2"]
        hashes = {ranks: self.shop.train(f"bits{ranks}", *settings, ranks=ranks)["parameters_sha256"]
                  for ranks in (1, 2, 4, 8)}
        self.assertEqual(len(set(hashes.values())), 1, hashes)
        # ... and when the run moves from 1 rank to 4 to 2, with the optimizer's state in one piece and in four.
        for ranks, steps in ((1, 60), (4, 130), (2, 200)):
            result = self.shop.train("chain", *settings, f"train.steps={steps}", f"optimizer.sharded={ranks == 4}",
                                     ranks=ranks)
        self.assertEqual(result["parameters_sha256"], hashes[1])

    def test_ragged_batches_agree_on_1_2_3_and_4_ranks(self):
        ragged = self.shop.ragged_data()
        for ranks in (1, 2, 3, 4):
            result = self.shop.train(f"ragged{ranks}", f"data.path={ragged}", *TWENTY, "model.pooling=mean",
                                     "model.bidirectional=true", ranks=ranks)
            self.assertGreater(result["padding_fraction"], 0.1)
        self.assert_same_losses("ragged1", [f"ragged{ranks}" for ranks in (2, 3, 4)])

    def test_sharded_optimizer_gives_the_same_bits_in_a_third_of_the_memory(self):
        whole = self.shop.train("whole-state", *TWENTY, *RICH, ranks=3)
        shards = self.shop.train("sharded-state", *TWENTY, *RICH, "optimizer.sharded=true", ranks=3)
        self.assertEqual(shards["parameters_sha256"], whole["parameters_sha256"])
        self.assertLess(shards["optimizer_bytes"], 0.5 * whole["optimizer_bytes"])
        for name in ("model", "optimizer"):
            files = [(self.shop.root / run / "checkpoints/step-00000020" / f"{name}.safetensors").read_bytes()
                     for run in ("whole-state", "sharded-state")]
            self.assertEqual(files[0], files[1], f"{name}.safetensors depends on how the state was kept")

    def test_messages_agree_with_shared_memory(self):
        """The way between hosts, on one host; the ordered sum to the bit."""
        for name, settings, tolerance in (("fast", RICH, 1e-5), ("tree", [*RICH, "reproducible=true", "lanes=4"], 0)):
            self.shop.train(f"{name}-alone", *TWENTY, *settings)
            self.shop.train(f"{name}-messages", *TWENTY, *settings, "communication.shared_memory=false",
                            "communication.bucket_megabytes=0.002", ranks=4)
            self.assert_same_losses(f"{name}-alone", [f"{name}-messages"], tolerance)

    def test_trace_is_a_timeline_of_all_ranks(self):
        arguments = self.shop.arguments("traced", *TWENTY, "model.num_layers=2",
                                        "communication.bucket_megabytes=0.002", ranks=2)
        run([*arguments, "--trace", "5"])
        events = json.loads((self.shop.root / "traced" / "trace.json").read_text())
        self.assertEqual({event["pid"] for event in events}, {0, 1})
        for rank in (0, 1):
            spans = [event for event in events if event["ph"] == "X" and event["pid"] == rank]
            self.assertEqual(sum(span["name"] == "step" for span in spans), 5)
            self.assertTrue(any(span["name"] == "sum of a bucket" for span in spans))
        self.assertGreaterEqual(self.shop.result("traced")["hidden_communication_fraction"], 0)

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
