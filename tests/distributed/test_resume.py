"""A run that is killed again and again, at random moments and world sizes, loses and repeats nothing."""

import collections
import json
import os
import random
import signal
import subprocess
import time
import unittest

from support import LOCKSTEP, Workshop

KILLS = int(os.environ.get("LOCKSTEP_KILLS", "8"))
EPOCHS = 6


class Resume(unittest.TestCase):
    def setUp(self):
        self.shop = Workshop()
        self.addCleanup(self.shop.close)

    def settings(self, steps_between_saves):
        return ["reproducible=true", "lanes=4", "train.steps=0", f"train.epochs={EPOCHS}", "data.log_samples=true",
                "batch.size=4", "batch.window=5", f"checkpoint.every={steps_between_saves}"]

    def learned_from(self, name):
        """How often each (epoch, sample) was learned from, and the steps in order."""
        seen, steps = collections.Counter(), collections.Counter()
        for file in (self.shop.root / name / "samples").glob("rank-*.jsonl"):
            for line in map(json.loads, file.read_text().splitlines()):
                steps[line["step"]] += len(line["samples"])
                seen.update((line["epoch"], sample) for sample in line["samples"])
        return seen, steps

    def kill_at_random(self, name, generator):
        """Starts the run and kills all of it after some of its steps; whether it was still at work."""
        ranks = generator.choice([1, 2, 4])
        arguments = self.shop.arguments(name, *self.settings(7), "run.max_restarts=0", ranks=ranks)
        process = subprocess.Popen([LOCKSTEP, *map(str, arguments)], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, start_new_session=True)
        log = self.shop.root / name / "samples" / "rank-00000.jsonl"
        before = log.stat().st_mtime_ns if log.exists() else 0
        deadline = time.time() + 60
        while process.poll() is None and time.time() < deadline:
            if log.exists() and log.stat().st_size > 0 and log.stat().st_mtime_ns != before:
                break
            time.sleep(0.005)
        time.sleep(generator.random() * 0.1)
        working = process.poll() is None
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return working

    def test_random_kills_lose_and_repeat_no_sample(self):
        whole = self.shop.train("whole", *self.settings(7), ranks=2)
        generator = random.Random(11)
        kills = 0
        rounds = 0
        while kills < KILLS:
            rounds += 1
            if self.kill_at_random(f"killed{rounds}", generator):
                kills += 1
                while kills < KILLS and self.kill_at_random(f"killed{rounds}", generator):
                    kills += 1
            self.assertEqual(self.finish_and_compare(f"killed{rounds}", whole), EPOCHS * 200)

    def finish_and_compare(self, name, whole):
        result = self.shop.train(name, *self.settings(7), ranks=2)
        self.assertEqual(result["status"], "finished")
        self.assertEqual(result["sample_order_sha256"], whole["sample_order_sha256"])
        self.assertEqual(result["parameters_sha256"], whole["parameters_sha256"])
        seen, steps = self.learned_from(name)
        self.assertEqual(seen, self.learned_from("whole")[0])
        self.assertEqual(set(seen.values()), {1})
        self.assertEqual(sorted(steps), list(range(1, whole["steps"] + 1)))
        return sum(seen.values())


if __name__ == "__main__":
    unittest.main(verbosity=2)
