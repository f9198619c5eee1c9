"""Words of tones without their places: the same training at any world size, loss as PyTorch's, error rates as counted."""

import json
import math
import random
import struct
import unittest
import wave

from support import Workshop, run

MODEL = ["task=ctc", "model.hidden_size=16", "model.bidirectional=true", "model.dropout=0.1", "model.mask_steps=6",
         "model.mask_features=3", "model.join_steps=3", "batch.size=14", "batch.window=3", "optimizer.learning_rate=0.02",
         "optimizer.clip_norm=1", "evaluate.batch_size=9", "train.log_every=1"]


class Ctc(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Workshop()
        cls.addClassCleanup(cls.shop.close)
        run(["data", "generate", "tones", "--train", "200", "--test", "50", "--shortest", "1", "--longest", "4", "--out",
             cls.shop.root / "tones.data"])

    def train(self, name, *overrides, ranks=1, **options):
        return self.shop.train(name, f"data.path={self.shop.root / 'tones.data'}", *MODEL, *overrides, ranks=ranks, **options)

    def test_losses_agree_on_1_2_3_and_4_ranks(self):
        for ranks in (1, 2, 3, 4):
            self.train(f"agree{ranks}", "train.steps=15", ranks=ranks)
        self.shop.assert_same_losses(self, [f"agree{ranks}" for ranks in (1, 2, 3, 4)])

    def test_a_stopped_run_goes_on_to_the_same_parameters(self):
        settings = ["reproducible=true", "lanes=2"]
        whole = self.train("whole", *settings, "train.steps=9")
        self.train("parts", *settings, "train.steps=4")
        parts = self.train("parts", *settings, "train.steps=9", ranks=2)
        self.assertEqual(parts["parameters_sha256"], whole["parameters_sha256"])

    def test_figures_are_pytorchs_and_those_of_predictions(self):
        import torch
        from safetensors.torch import load_file
        data = self.shop.root / "more.data"
        run(["data", "generate", "tones", "--train", "800", "--test", "50", "--shortest", "1", "--longest", "4", "--out", data])
        self.train("judged", f"data.path={data}", "train.epochs=30", "model.beam_size=8", "model.ngram=3", "model.hidden_size=48",
                   "optimizer.learning_rate=0.003", "model.dropout=0", "model.mask_steps=0", "model.mask_features=0", ranks=2)
        figures, reports = zip(*(self.shop.figures("judged", ranks=ranks) for ranks in (1, 3)))
        self.assertEqual(figures[0], figures[1])
        report = reports[0]
        newest = sorted((self.shop.root / "judged/checkpoints").glob("step-*"))[-1]
        w = load_file(newest / "model.safetensors")
        lstm = torch.nn.LSTM(48, 48, bidirectional=True)
        lstm.load_state_dict({k[len("lstm."):]: v for k, v in w.items() if k.startswith("lstm.")})
        done = run(["predict", self.shop.root / "judged", "--data", data, "--split", "test"])
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        loss = edits = words = exact = 0
        for row, (inputs, targets) in enumerate(self.sequences(data)):
            x = torch.nn.functional.pad(inputs, (0, 0, 0, -len(inputs) % 3)).reshape(-1, 1, 48)
            with torch.no_grad():
                log_p = (lstm(x)[0] @ w["output.weight"].T + w["output.bias"]).log_softmax(2)
            loss += torch.nn.functional.ctc_loss(log_p, torch.tensor([targets]), [len(x)], [len(targets)], blank=10,
                                                 reduction="sum").item()
            self.assertEqual(answers[row]["id"], row)
            own = distance(targets, [int(label) for label in answers[row]["labels"]])
            edits, words, exact = edits + own, words + len(targets), exact + (own == 0)
        self.assertAlmostEqual(report["loss"], loss / 50, delta=1e-3)
        self.assertAlmostEqual(report["wer"], edits / words)
        self.assertAlmostEqual(report["exact"], exact / 50)
        self.assertEqual(report["substitutions"] + report["deletions"] + report["insertions"], edits)
        self.assertLess(report["wer"], 0.5)

    def test_what_is_heard_step_by_step_is_what_is_heard_at_once(self):
        self.train("streamed", "model.bidirectional=false", "model.hidden_size=48", "model.num_layers=2", "model.beam_size=1",
                   "model.dropout=0", "model.mask_steps=0", "model.mask_features=0", "optimizer.learning_rate=0.01", "train.epochs=80", ranks=2)
        options = ["predict", self.shop.root / "streamed", "--data", self.shop.root / "tones.data", "--split", "train"]
        whole = [json.loads(line) for line in run(options).stdout.splitlines()]
        for steps, read in ((1, 3), (30, 30)):
            answers = [json.loads(line) for line in run([*options, "--stream", steps]).stdout.splitlines()]
            self.assertEqual([answer["labels"] for answer in answers], [answer["labels"] for answer in whole])
            for answer, want in zip(answers, whole):
                self.assertAlmostEqual(answer["log_probability"], want["log_probability"], delta=1e-3)
                self.assertEqual(answer["partial"][-1]["text"] if answer["partial"] else "", want["text"])
                self.assertEqual(answer["latency"]["steps"], read)
        self.assertTrue(any(answer["labels"] for answer in answers))
        self.train("both_ways", "train.steps=2")
        run(["predict", self.shop.root / "both_ways", "--stream", "5"], input="", expect=78)
        run([*options, "--stream", "5", "--n-best", "2"], expect=64)

    def test_a_recording_is_read_as_those_it_was_trained_on(self):
        folder = self.shop.root / "recordings"
        folder.mkdir()
        generator = random.Random(3)
        for i in range(24):
            pitch = (300, 900)[i % 2] * generator.uniform(0.9, 1.1)
            samples = [int(9000 * math.sin(2 * math.pi * pitch * t / 8000) + generator.gauss(0, 300))
                       for t in range(generator.randrange(1500, 3000))]
            write_wav(folder / f"{i % 2}_ann_{i}.wav", 8000, samples)
        write_wav(self.shop.root / "fast.wav", 16000, samples)
        run(["data", "import", "audio", folder, "--label-from", "{label}_{group}_{index}.wav", "--test-where", "index<6",
             "--split", "1,0,0", "--normalise", "train", "--deltas", "1", "--out", self.shop.root / "sounds.data"])
        self.shop.train("sounds", f"data.path={self.shop.root / 'sounds.data'}", "batch.size=6", "train.steps=20")
        done = run(["predict", self.shop.root / "sounds", "--data", self.shop.root / "sounds.data", "--split", "test"])
        want = sorted(json.loads(line)["probability"] for line in done.stdout.splitlines())
        self.assertEqual(len(want), 6)
        files = [str(folder / f"{i % 2}_ann_{i}.wav") for i in range(6)] + [str(self.shop.root / "fast.wav"), "no.wav"]
        done = run(["predict", self.shop.root / "sounds"], expect=65, input="".join(json.dumps({"file": f}) + "\n" for f in files))
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        for a, b in zip(want, sorted(answer["probability"] for answer in answers[:6])):
            self.assertAlmostEqual(a, b, delta=1e-4)
        self.assertIn("16000 Hz", answers[6]["error"])
        self.assertIn("error", answers[7])

    def test_what_does_not_fit_is_refused(self):
        run(["data", "generate", "adding", "--train", "30", "--out", self.shop.root / "adding.data"])
        self.shop.train("bad", f"data.path={self.shop.root / 'adding.data'}", *MODEL, "train.steps=1", expect=78)
        self.assertIn("6 is the longest", self.train("bad", "model.ngram=8", "train.steps=1", expect=78).stderr)

    def sequences(self, data):
        """Inputs (as stored, scaled) and words of the test split."""
        import h5py
        import torch
        begin = first = 0
        with h5py.File(data / "test-00000.h5") as file:
            for length, words in file["seqLengths"][:]:
                yield (torch.tensor(file["inputs"][begin:begin + int(length)].astype("float32")) / 32,
                       file["targets/data/digits"][first:first + int(words)].astype("int64").tolist())
                begin, first = begin + int(length), first + int(words)


def write_wav(file, rate, samples):
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(struct.pack(f"<{len(samples)}h", *samples))


def distance(right, answer):
    row = list(range(len(answer) + 1))
    for i, a in enumerate(right, 1):
        above, row = row, [i]
        for j, b in enumerate(answer, 1):
            row.append(min(above[j - 1] + (a != b), above[j] + 1, row[j - 1] + 1))
    return row[-1]


if __name__ == "__main__":
    unittest.main(verbosity=2)
