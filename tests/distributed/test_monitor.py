"""Monitoring of opinions: the same results after a crash, out of order and in pieces; planted surges are found."""

import json
import random
import signal
import subprocess
import time
import unittest

from support import LOCKSTEP, Workshop, run

TOPICS = ["room", "food", "staff"]
HOUR = 3600
SETTINGS = ["--window", "2,4", "--season", "12", "--history", "8", "--device", "cpu"]


def sentence(generator, topic, mood):
    words = [topic, mood] + [f"w{generator.randrange(30)}" for _ in range(generator.randrange(2, 9))]
    generator.shuffle(words)
    return " ".join(words)


def quiet_feed(generator, hours):
    """About six texts an hour, one in six of them bad; twice as many in the second half of twelve hours."""
    lines = []
    for hour in range(hours):
        for _ in range(generator.randrange(4, 9) * (1 + (hour % 12 >= 6))):
            mood = "bad" if generator.random() < 1 / 6 else "good"
            lines.append({"time": hour * HOUR + generator.randrange(HOUR), "text": sentence(generator, generator.choice(TOPICS), mood)})
    return lines


def planted(generator, topic, hour):
    return [{"time": hour * HOUR + generator.randrange(2 * HOUR), "text": sentence(generator, topic, "bad"), "id": f"planted-{i}"}
            for i in range(25)]


def in_order(lines):
    return sorted(lines, key=lambda line: line["time"])


class Monitor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Workshop()
        cls.addClassCleanup(cls.shop.close)
        generator = random.Random(5)
        rows = [{"topic": topic, "sentiment": mood, "text": sentence(generator, topic, mood)}
                for topic, mood in ((generator.choice(TOPICS), generator.choice(["good", "bad"])) for _ in range(400))]
        source = cls.shop.root / "reviews.jsonl"
        source.write_text("\n".join(map(json.dumps, rows)) + "\n")
        for name, column in (("both", "topic,sentiment"), ("mood", "sentiment")):
            run(["data", "import", "labelled", source, "--form", "jsonl", "--text-column", "text", "--label-column", column,
                 "--split", "0.9,0,0.1", "--min-count", "2", "--out", cls.shop.root / f"{name}.data"])
            cls.shop.train(name, f"data.path={cls.shop.root / name}.data", "task=sequence_classification", "model.embedding_size=8",
                           "model.hidden_size=8", "model.bidirectional=true", "model.pooling=max", "batch.size=20",
                           "train.epochs=8", "optimizer.learning_rate=0.02", ranks=2)
        feed = quiet_feed(generator, 400)
        cls.surges = [("food", 150), ("room", 230), ("staff", 330)]
        for topic, hour in cls.surges:
            feed += planted(generator, topic, hour)
        cls.feed = in_order(feed)
        cls.input = cls.write("feed.jsonl", cls.feed)

    @classmethod
    def write(cls, name, lines):
        path = cls.shop.root / name
        path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n")
        return path

    def monitor(self, *arguments, expect=0, source="both", threshold=6, **options):
        arguments = ["--threshold", str(threshold), *arguments]
        done = run(["monitor", self.shop.root / source, "--negative", "bad", *SETTINGS, *arguments], expect=expect, **options)
        return done, [json.loads(line) for line in done.stdout.splitlines()]

    def test_topics_and_sentiments_are_those_of_predict(self):
        _, lines = self.monitor("--input", self.input, "--end")
        texts = [line for line in lines if "topics" in line]
        predicted = run(["predict", self.shop.root / "both"], input="\n".join(map(json.dumps, self.feed[:200])) + "\n").stdout
        self.assertEqual(len(texts), len(self.feed))
        for text, answer in zip(texts, map(json.loads, predicted.splitlines())):
            self.assertEqual(text["topics"], [answer["topic"]["label"]])
            self.assertEqual(text["sentiment"], answer["sentiment"]["label"])
            self.assertAlmostEqual(text["probability"], answer["sentiment"]["probability"], delta=1e-3)

    def test_planted_surges_are_found_and_nothing_else(self):
        _, lines = self.monitor("--input", self.input, "--end")
        alerts = [(line["alert"], line["to"]) for line in lines if "alert" in line]
        self.assertEqual(len(alerts), len(self.surges), alerts)
        for (topic, to), (planted_topic, hour) in zip(alerts, self.surges):
            self.assertEqual(topic, planted_topic)
            at = (int(to[8:10]) - 1) * 24 + int(to[11:13])
            self.assertIn(at, range(hour + 1, hour + 4))

    def test_trends_are_counts(self):
        """Every window's counts are those of the lines that came out, counted here."""
        _, lines = self.monitor("--input", self.input, "--end", "--trends")
        texts = [line for line in lines if "topics" in line]
        trends = [line for line in lines if "trend" in line]
        self.assertGreater(len(trends), 3 * 380)
        for trend in trends[::17]:
            inside = [text for text in texts if trend["from"] <= text["time"] < trend["to"] and text["topics"] == [trend["trend"]]]
            self.assertEqual(trend["texts"], len(inside))
            self.assertEqual(trend["negative"], sum(text["sentiment"] == "bad" for text in inside))

    def test_two_runs_do_as_one(self):
        _, lines = self.monitor("--input", self.input, "--end", "--sentiment", self.shop.root / "mood")
        self.assertEqual([line["alert"] for line in lines if "alert" in line], [topic for topic, _ in self.surges])

    def test_several_runs_count_by_their_mean(self):
        generator = random.Random(3)
        unsaid = [{"time": i, "text": sentence(generator, "w1", "w2")} for i in range(50)]  # models guess, and not the same
        asked = "\n".join(map(json.dumps, unsaid)) + "\n"
        _, texts = self.monitor("--sentiment", self.shop.root / "mood", "--sentiment", self.shop.root / "both", input=asked)
        both, mood = ([json.loads(line) for line in run(["predict", self.shop.root / name], input=asked).stdout.splitlines()]
                      for name in ("both", "mood"))
        differ = 0
        for text, one, other in zip(texts, both, mood):
            of_both = of_label(one["sentiment"], text["sentiment"])
            of_mood = of_label(other, text["sentiment"])
            self.assertAlmostEqual(text["probability"], (of_both + of_mood) / 2, delta=1e-3)
            differ += abs(of_both - of_mood) > 0.01
        self.assertGreater(differ, 0)
        done, _ = self.monitor(self.shop.root / "mood", "--input", self.input, expect=78)
        self.assertIn("its labels (bad, good) are not those", done.stderr)

    def test_goes_on_from_a_state_of_the_format_before(self):
        """Version 2 knew one window, and of an alert only the time."""
        state = self.shop.root / "older.state"
        half = sum(line["time"] < 236 * HOUR for line in self.feed)  # soon after an alert
        first, rest = (self.write(name, lines).read_text() for name, lines in (("older", self.feed[:half]), ("newer", self.feed[half:])))
        before = self.monitor("--state", state, input=first)[1]
        saved = json.loads(state.read_text())
        self.assertEqual(saved["format_version"], 3)
        saved["format_version"] = 2
        for key in ("next_begin", "unbroken"):
            del saved["monitor"]["trends"][key]
        alerting = saved["monitor"]["gate"]["alerting"]
        self.assertGreater(len(alerting), 0)
        for topic, (at, _) in alerting.items():
            alerting[topic] = at
        state.write_text(json.dumps(saved))
        after = self.monitor("--state", state, input=rest)[1]
        self.assertEqual(alike(before + after), alike(self.monitor(input=self.input.read_text())[1]))
        state.write_text(json.dumps({**saved, "format_version": 1}))
        self.monitor("--state", state, input=rest, expect=65)

    def test_goes_on_after_a_crash_at_any_place(self):
        """Killed again and again, the output file is the same as that of one run, byte for byte."""
        whole, output, state = (self.shop.root / name for name in ("whole.out", "crash.out", "crash.state"))
        feed = self.write("long.jsonl", self.feed * 4)  # what comes again is late
        self.monitor("--input", feed, "--output", whole, "--end")
        command = [LOCKSTEP, "monitor", self.shop.root / "both", "--negative", "bad", *SETTINGS, "--threshold", "6", "--input", feed, "--output", output,
                   "--state", state, "--save-seconds", "0"]
        for _ in range(2):
            before = state.stat().st_mtime_ns if state.exists() else 0
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            deadline = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < deadline:
                if state.exists() and state.stat().st_mtime_ns > before:
                    break
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.assertTrue(state.exists())
        with open(output, "ab") as file:
            file.write(b'{"line": half of what was not yet sa')
        self.monitor("--input", feed, "--output", output, "--state", state, "--end")
        self.assertEqual(output.read_bytes(), whole.read_bytes())
        again, _ = self.monitor("--input", feed, "--output", output, "--state", state, "--end")
        self.assertEqual(output.read_bytes(), whole.read_bytes())
        self.assertIn(f"{4 * len(self.feed)} lines", again.stderr)

    def test_a_pipe_is_gone_on_with(self):
        whole = self.monitor(input=self.input.read_text())[1]
        half = self.write("half", self.feed[:1500]).read_text(), self.write("rest", self.feed[1500:]).read_text()
        state = self.shop.root / "pipe.state"
        pieces = [self.monitor("--state", state, input=part)[1] for part in half]
        self.assertEqual(alike(pieces[0] + pieces[1]), alike(whole))

    def test_stops_on_request_with_its_state(self):
        state = self.shop.root / "stop.state"
        command = [LOCKSTEP, "monitor", self.shop.root / "both", "--negative", "bad", *SETTINGS, "--threshold", "6", "--state", state]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process.stdin.write("\n".join(map(json.dumps, self.feed[:10])) + "\n")
        process.stdin.flush()
        first = [json.loads(process.stdout.readline()) for _ in range(10)]  # they come while the pipe is open
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 75)
        rest = self.monitor("--state", state, input="\n".join(map(json.dumps, self.feed[10:])) + "\n")[1]
        self.assertEqual(alike(first + rest), alike(self.monitor(input=self.input.read_text())[1]))

    def test_disorder_within_the_lateness_raises_the_same_alerts(self):
        generator = random.Random(9)
        mixed = sorted(self.feed, key=lambda line: line["time"] + generator.randrange(HOUR))
        self.assertNotEqual(mixed, self.feed)
        _, lines = self.monitor("--input", self.write("mixed.jsonl", mixed), "--end", "--trends")
        _, ordered = self.monitor("--input", self.input, "--end", "--trends")
        for kind in ("alert", "trend"):
            self.assertEqual([line for line in lines if kind in line], [line for line in ordered if kind in line])
        done, lines = self.monitor("--input", self.write("mixed.jsonl", mixed), "--end", "--lateness-minutes", "0")
        late = sum(line.get("left_out") == "late" for line in lines)
        self.assertGreater(late, 0)
        self.assertIn(f"{late} late", done.stderr)

    def test_a_time_gap_raises_no_alert(self):
        """Six weeks of silence before the last third: no alert but those of the surges."""
        moved = [{**line, "time": line["time"] + (42 * 24 * HOUR if line["time"] >= 270 * HOUR else 0)} for line in self.feed]
        _, lines = self.monitor("--input", self.write("gap.jsonl", moved), "--end", "--leap-days", "100")
        self.assertEqual([line["alert"] for line in lines if "alert" in line], [topic for topic, _ in self.surges])

    def test_wrong_dates_and_bad_lines(self):
        """They are told with their lines, and change nothing else."""
        lines = list(self.feed)
        wrong = ["no JSON", json.dumps({"text": "room good"}), json.dumps({"time": "2024-13-01", "text": "room good"}),
                 json.dumps({"time": 5, "text": "  "}), '{"time": 5, "text": "\udcff"}', '["room"]']
        for i, line in enumerate(wrong):
            lines.insert(300 + 100 * i, line)
        lines.insert(1000, {"time": "2999-01-01", "text": "room bad"})
        path = self.shop.root / "wrong.jsonl"
        path.write_bytes("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
                         .encode("utf-8", "surrogateescape") + b"\n\n")
        done, results = self.monitor("--input", path, "--end")
        self.assertIn("6 bad; 0 late and 1 dated far ahead", done.stderr)
        errors = [result for result in results if "error" in result]
        self.assertEqual([error["line"] for error in errors], [301 + 100 * i for i in range(6)])
        self.assertEqual([result["alert"] for result in results if "alert" in result], [topic for topic, _ in self.surges])
        ahead = [result for result in results if result.get("left_out") == "ahead"]
        self.assertEqual([result["line"] for result in ahead], [1001])
        none, _ = self.monitor("--text-field", "body", "--input", self.input, expect=65)
        self.assertIn("not one line", none.stderr)

    def test_a_calibrated_threshold_is_quiet_on_its_past(self):
        past = self.write("past.jsonl", in_order(quiet_feed(random.Random(11), 700)))
        _, lines = self.monitor("--input", past, "--calibrate", "1")
        chosen = lines[-1]
        self.assertAlmostEqual(chosen["months"], 700 / 720, delta=0.1)
        self.assertTrue(chosen["extrapolated"])
        _, results = self.monitor("--input", past, "--end", threshold=chosen["threshold"])
        alerts = sum("alert" in line for line in results)
        self.assertLessEqual(alerts, 2)
        self.assertEqual(alerts, dict(map(tuple, chosen["alerts"]))[chosen["threshold"]])
        stricter = self.monitor("--input", past, "--calibrate", "0.1")[1][-1]
        self.assertGreater(stricter["threshold"], chosen["threshold"])
        _, results = self.monitor("--input", self.input, "--end", threshold=chosen["threshold"])
        found = [line["alert"] for line in results if "alert" in line]
        self.assertTrue({topic for topic, _ in self.surges} <= set(found))

    def test_what_cannot_be_is_refused(self):
        state = self.write("broken.state", ["{"])
        self.monitor("--input", self.input, "--state", state, expect=65)
        good = self.shop.root / "good.state"
        self.monitor("--input", self.input, "--state", good)
        done, _ = self.monitor("--input", self.input, "--state", good, "--bucket-minutes", "30", expect=78)
        self.assertIn("bucket_minutes", done.stderr)
        other, _ = self.monitor("--input", self.input, "--topic-head", "subject", expect=78)
        self.assertIn("sentiment, topic", other.stderr)
        for negative in ("negative", "bad,awful"):
            unknown = run(["monitor", self.shop.root / "both", "--negative", negative, "--input", "/dev/null"], expect=78)
            self.assertIn("they are bad, good", unknown.stderr)
        output = self.write("foreign.out", ["results of somebody"])
        self.monitor("--input", self.input, "--state", self.shop.root / "no.state", "--output", output, expect=74)
        self.assertEqual(output.read_text(), "results of somebody\n")
        self.monitor("--input", self.shop.root / "nowhere.jsonl", expect=66)


def of_label(answer, label):
    """Of two labels, from an answer of `lockstep predict` that gives the likelier one's probability."""
    return answer["probability"] if answer["label"] == label else 1 - answer["probability"]


def alike(lines):
    """Without the last digit of probabilities, which depends on what else was in the batch."""
    return [{key: value for key, value in line.items() if key != "probability"} for line in lines]


if __name__ == "__main__":
    unittest.main(verbosity=2)
