"""Texts with labels: the same training at any world size with batches of like lengths, figures as PyTorch's."""

import json
import math
import random
import subprocess
import unittest

from support import LOCKSTEP, Workshop, run

MODEL = ["task=sequence_classification", "model.embedding_size=12", "model.hidden_size=10", "model.bidirectional=true",
         "model.pooling=max", "model.dropout=0.2", "batch.size=14", "batch.window=4", "batch.max_steps=150",
         "optimizer.learning_rate=0.02", "evaluate.batch_size=9", "train.log_every=1"]


class TextClassification(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Workshop()
        cls.addClassCleanup(cls.shop.close)
        generator = random.Random(5)
        rows = ["topic,text,mood"]
        for _ in range(240):
            topic, mood = generator.choice(["room", "food", "staff"]), generator.choice(["good", "bad"])
            words = [topic, mood] + [f"w{generator.randrange(40)}" for _ in range(int(generator.lognormvariate(2, 0.7)))]
            generator.shuffle(words)
            rows.append(f"{topic},\"{' '.join(words)}\",{mood}")
        table = cls.shop.root / "reviews.csv"
        table.write_text("\n".join(rows) + "\n")
        for name, column in (("one", "topic"), ("two", "topic,mood")):
            run(["data", "import", "labelled", table, "--form", "csv", "--header", "--text-column", "text",
                 "--label-column", column, "--split", "0.7,0,0.3", "--min-count", "2", "--out", cls.shop.root / f"{name}.data"])

    def train(self, name, *overrides, ranks=1, data="one"):
        return self.shop.train(name, f"data.path={self.shop.root / data}.data", *MODEL, *overrides, ranks=ranks)

    def test_losses_agree_on_1_2_3_and_4_ranks(self):
        for ranks in (1, 2, 3, 4):
            result = self.train(f"agree{ranks}", "train.steps=20", ranks=ranks)
            self.assertEqual(result["world_size"], ranks)
        self.shop.assert_same_losses(self, [f"agree{ranks}" for ranks in (1, 2, 3, 4)])

    def test_networks_side_by_side(self):
        """The same losses of two networks and a bag of n-grams on 1 to 4 ranks; evaluation counts what the mean of all
        predicts; another run starts from them."""
        both = ["model.ensemble=2", "model.bag_ngrams=3", "model.bag_rows=400"]
        for ranks in (1, 2, 3, 4):
            self.train(f"both{ranks}", "train.steps=25", *both, ranks=ranks, data="two")
        self.shop.assert_same_losses(self, [f"both{ranks}" for ranks in (1, 2, 3, 4)])
        figures, reports = zip(*(self.shop.figures("both3", ranks=ranks) for ranks in (1, 2)))
        self.assertEqual(figures[0], figures[1])
        done = run(["predict", self.shop.root / "both3", "--data", self.shop.root / "two.data", "--split", "test"])
        answers = sorted(map(json.loads, done.stdout.splitlines()), key=lambda one: one["id"])
        import h5py
        with h5py.File(self.shop.root / "two.data/test-00000.h5") as file:
            truth = file["targets/data/mood"][:].reshape(-1)
        right = sum(int(label) == answer["mood"]["class"] for label, answer in zip(truth, answers, strict=True))
        self.assertAlmostEqual(reports[0]["mood_accuracy"], right / len(truth), places=12)
        started = self.train("started", *both, "train.steps=1", f"init_from={self.shop.root / 'both1'}", data="two")
        self.assertLess(self.shop.losses("started")[1], 0.9 * self.shop.losses("both1")[1], started)

    def test_a_bag_of_ngrams_alone_would_know_an_order(self):
        """Which of two words comes first is all that tells two classes apart: pairs see it, single words do not."""
        generator = random.Random(3)
        rows = []
        for _ in range(200):
            pair = ["not", "good"] if generator.random() < 0.5 else ["good", "not"]
            words = [f"w{generator.randrange(20)}" for _ in range(generator.randrange(1, 8))]
            place = generator.randrange(len(words) + 1)
            rows.append(f"{pair[0]}\t{' '.join(words[:place] + pair + words[place:])}")
        table = self.shop.root / "order.tsv"
        table.write_text("\n".join(rows) + "\n")
        run(["data", "import", "labelled", table, "--form", "tsv", "--text-column", "2", "--label-column", "1", "--split",
             "0.7,0,0.3", "--out", self.shop.root / "order.data"])
        frozen = ["freeze=[lstm*, output*, embedding*]", "train.steps=0", "train.epochs=30", "optimizer.learning_rate=0.1"]
        accuracy = {}
        for longest in (1, 2):
            self.train(f"order{longest}", *frozen, f"model.bag_ngrams={longest}", "model.bag_rows=4096", data="order")
            accuracy[longest] = self.shop.figures(f"order{longest}", ranks=1)[1]["accuracy"]
        self.assertLess(accuracy[1], 0.75)
        self.assertGreater(accuracy[2], 0.95)

    def test_sets_of_labels(self):
        """The same losses on 1 to 4 ranks; F1 from the counts of predictions; lines are answered."""
        generator = random.Random(8)
        lines = []
        for _ in range(240):
            topics = [topic for topic in ("corn", "grain", "oil") if generator.random() < 0.4]
            words = topics + [f"w{generator.randrange(30)}" for _ in range(1 + int(generator.lognormvariate(1.5, 0.7)))]
            generator.shuffle(words)
            lines.append(json.dumps({"text": " ".join(words), "label": topics}))
        source = self.shop.root / "topics.jsonl"
        source.write_text("\n".join(lines) + "\n")
        run(["data", "import", "labelled", source, "--form", "jsonl", "--multi-label", " ", "--split", "0.7,0,0.3", "--split-by",
             "random", "--min-count", "2", "--out", self.shop.root / "sets.data"])
        task = "task=multi_label_classification"
        for ranks in (1, 2, 3, 4):
            self.train(f"sets{ranks}", task, "train.steps=20", "model.label_smoothing=0.1", data="sets", ranks=ranks)
        self.shop.assert_same_losses(self, [f"sets{ranks}" for ranks in (1, 2, 3, 4)])
        self.train("learned", task, "train.steps=0", "train.epochs=12", data="sets", ranks=2)
        figures, reports = zip(*(self.shop.figures("learned", ranks=ranks) for ranks in (1, 3)))
        self.assertEqual(figures[0], figures[1])
        done = run(["predict", self.shop.root / "learned", "--data", self.shop.root / "sets.data", "--split", "test"])
        answers = sorted(map(json.loads, done.stdout.splitlines()), key=lambda one: one["id"])
        manifest = json.loads((self.shop.root / "sets.data/manifest.json").read_text())
        names = manifest["streams"][1]["labels"]
        import h5py
        with h5py.File(self.shop.root / "sets.data/test-00000.h5") as file:
            truth = [{name for name, bit in zip(names, row) if bit} for row in file[f"targets/data/{manifest['streams'][1]['name']}"][:]]
        both = sum(len(true & set(answer["labels"])) for true, answer in zip(truth, answers, strict=True))
        taken, there = sum(len(answer["labels"]) for answer in answers), sum(map(len, truth))
        self.assertAlmostEqual(reports[0]["micro_f1"], 2 * both / (taken + there), places=12)
        exact = sum(true == set(answer["labels"]) for true, answer in zip(truth, answers)) / len(truth)
        self.assertAlmostEqual(reports[0]["exact"], exact, places=12)
        self.assertGreater(reports[0]["micro_f1"], 0.8)
        line = run(["predict", self.shop.root / "learned"], input='{"text": "oil and corn w1"}\n').stdout
        self.assertEqual(json.loads(line)["labels"], ["corn", "oil"])
        refused = self.shop.arguments("refused", f"data.path={self.shop.root / 'one.data'}", *MODEL, task)
        self.assertIn("--multi-label", run(refused, expect=78).stderr)

    def test_bits_agree_with_lanes(self):
        settings = ["train.steps=25", "reproducible=true", "lanes=4"]
        whole = self.train("bits1", *settings)
        for ranks in (2, 4):
            self.assertEqual(self.train(f"bits{ranks}", *settings, ranks=ranks)["parameters_sha256"],
                             whole["parameters_sha256"])

    def test_batches_of_like_lengths_have_less_padding(self):
        windowed = self.train("windowed", "train.steps=0", "train.epochs=2", ranks=2)
        plain = self.train("plain", "train.steps=0", "train.epochs=2", "batch.window=0", "batch.max_steps=0", ranks=2)
        self.assertLess(windowed["padding_fraction"], 0.6 * plain["padding_fraction"])

    def test_figures_are_pytorchs_and_predictions_agree(self):
        import h5py
        import torch
        from safetensors.torch import load_file
        self.train("judged", "train.steps=0", "train.epochs=12", data="two", ranks=2)
        figures, reports = zip(*(self.shop.figures("judged", ranks=ranks) for ranks in (1, 3)))
        self.assertEqual(figures[0], figures[1])
        report = reports[0]
        newest = sorted((self.shop.root / "judged/checkpoints").glob("step-*"))[-1]
        weights = load_file(newest / "model.safetensors")
        lstm = torch.nn.LSTM(12, 10, bidirectional=True)
        lstm.load_state_dict({k[len("lstm."):]: v for k, v in weights.items() if k.startswith("lstm.")})
        manifest = json.loads((self.shop.root / "two.data/manifest.json").read_text())
        words = manifest["streams"][0]["labels"]
        heads = [(s["name"], s["labels"]) for s in manifest["streams"][1:]]
        self.assertEqual([name for name, _ in heads], ["mood", "topic"])
        loss, pairs, lines, begin = 0.0, {name: [] for name, _ in heads}, [], 0
        with h5py.File(self.shop.root / "two.data/test-00000.h5") as file, torch.no_grad():
            for row, (length, *_) in enumerate(file["seqLengths"][:]):
                symbols = torch.tensor(file["inputs"][begin:begin + length].astype("int64"))
                begin += length
                y, _ = lstm(weights["embedding_weight"][symbols].unsqueeze(1))
                logits = weights["output.weight"] @ y.max(0).values[0] + weights["output.bias"]
                first = 0
                for name, labels in heads:
                    own, label = logits[first:first + len(labels)], int(file[f"targets/data/{name}"][row])
                    first += len(labels)
                    loss += torch.nn.functional.cross_entropy(own, torch.tensor(label)).item()
                    pairs[name].append((label, int(own.argmax())))
                lines.append(json.dumps({"text": " ".join(words[s] for s in symbols), "id": row}))
        self.assertAlmostEqual(report["loss"], loss / len(lines), delta=1e-4)
        for name, labels in heads:
            self.assertAlmostEqual(report[f"{name}_accuracy"], sum(a == b for a, b in pairs[name]) / len(lines))
            self.assertAlmostEqual(report[f"{name}_macro_f1"], macro_f1(pairs[name], len(labels)), delta=1e-9)
            self.assertGreater(report[f"{name}_accuracy"], 0.9)
        wrong = {'{"text": " "}': "the text is empty", "{}": '"text" is missing', '{"text": 5}': '"text" must be a text, not a number',
                 '{"text": "x"': "not valid JSON at byte 13"}
        plain = json.loads(lines[0])["text"]
        done = run(["predict", self.shop.root / "judged"], expect=65, input="\n".join([*lines, *wrong, plain]) + "\n")
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(answers.pop()["mood"]["label"], answers[0]["mood"]["label"])
        for row, answer in enumerate(answers[:-4]):
            self.assertEqual(answer["id"], row)
            for name, labels in heads:
                self.assertEqual(answer[name]["label"], labels[pairs[name][row][1]])
        for answer, error in zip(answers[-4:], wrong.values()):
            self.assertIn(error, answer["error"])
        with subprocess.Popen([LOCKSTEP, "predict", self.shop.root / "judged"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as asked:
            for line, answer in zip(lines[:2], answers):  # who waits for an answer gets it
                print(line, file=asked.stdin, flush=True)
                self.assertEqual(json.loads(asked.stdout.readline())["id"], answer["id"])
            asked.stdin.close()


def macro_f1(pairs, classes):
    scores = []
    for c in range(classes):
        true, taken = sum(a == c for a, _ in pairs), sum(b == c for _, b in pairs)
        if true + taken:
            scores.append(2 * sum(a == b == c for a, b in pairs) / (true + taken))
    return math.fsum(scores) / len(scores)


if __name__ == "__main__":
    unittest.main(verbosity=2)
