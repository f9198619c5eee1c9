"""Recommending the next item: the same training at any world size, and figures as a reference in Python has them."""

import collections
import json
import math
import random
import re
import unittest

from support import Workshop, run

MODEL = ["task=next_item", "model.embedding_size=12", "model.hidden_size=12", "model.tied=true", "model.logit_scale=8",
         "model.dropout=0.2", "model.cutoff=5", "batch.size=14", "batch.window=3", "evaluate.batch_size=9",
         "optimizer.learning_rate=0.02"]
SAMPLED = ["model.negatives=30"]


def sessions(generator, count, new=0.0):
    """Walks over 40 items, each with a few likely successors."""
    walks = []
    for _ in range(count):
        item, walk = generator.randrange(40), []
        for _ in range(generator.randint(2, 9)):
            walk.append(f"new{generator.randrange(5)}" if generator.random() < new else f"i{item}")
            item = (item * 3 + generator.choice([1, 1, 1, 2, 5])) % 40
        walks.append(walk)
    return walks


class NextItem(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Workshop()
        cls.addClassCleanup(cls.shop.close)
        generator = random.Random(11)
        cls.walks = {"train": sessions(generator, 230), "test": sessions(generator, 70, new=0.1)}
        for split, walks in cls.walks.items():
            (cls.shop.root / f"{split}.txt").write_text("".join(" ".join(walk) + "\n" for walk in walks))
        cls.data = cls.shop.root / "sessions"
        files = ["--form", "sessions", "--train", cls.shop.root / "train.txt", "--test", cls.shop.root / "test.txt"]
        run(["data", "import", "events", *files, "--out", cls.data])
        words = "red blue night day house river".split()
        cls.texts = {f"i{i}": f"{words[i % 6].title()}, {words[i // 7]}" for i in range(0, 40, 2)}
        (cls.shop.root / "texts.csv").write_text("item,title\n" + "".join(f'{i},"{text}"\n' for i, text in cls.texts.items()))
        run(["data", "import", "events", *files, "--text-column", "title", "--texts", cls.shop.root / "texts.csv", "--out",
             cls.shop.root / "told"])

    def train(self, name, *overrides, ranks=1, expect=0):
        return self.shop.train(name, f"data.path={self.data}", *MODEL, *overrides, ranks=ranks, expect=expect)

    def test_losses_agree_on_1_2_3_and_4_ranks(self):
        """230 sessions in batches of 14: the last one of an epoch does not divide."""
        for kind, extra in (("all", []), ("drawn", SAMPLED)):
            for ranks in (1, 2, 3, 4):
                result = self.train(f"{kind}{ranks}", *extra, "train.steps=20", ranks=ranks)
                self.assertEqual(result["world_size"], ranks)
            self.shop.assert_same_losses(self, [f"{kind}{ranks}" for ranks in (1, 2, 3, 4)])

    def test_texts_of_items(self):
        told = [f"data.path={self.shop.root / 'told'}", "model.item_text=true"]
        for kind, extra in (("told", []), ("told_drawn", SAMPLED)):
            for ranks in (1, 3):
                self.train(f"{kind}{ranks}", *told, *extra, "train.steps=20", ranks=ranks)
            self.shop.assert_same_losses(self, [f"{kind}1", f"{kind}3"])
        self.train("told", *told, "train.epochs=4")
        figures, reports = zip(*(self.shop.figures("told", ranks=ranks) for ranks in (1, 2)))
        self.assertEqual(figures[0], figures[1])
        reference = Reference(self.shop.root / "told", self.shop.root / "told", self.walks, self.texts)
        want = reference.figures()
        for name in ("loss", "recall_at_5", "mrr_at_5"):
            self.assertAlmostEqual(reports[0][name], want[name], delta=2e-5 if name == "loss" else 1e-9)
        self.assertIn("texts of items", self.train("bad", "model.item_text=true", expect=78).stderr)

    def test_items_that_training_never_had_are_found_by_their_text(self):
        """They are read and ranked, never learned; a model of numbers alone takes them for unknown ones."""
        texts = {**self.texts, "new1": "Red, night", "new3": "Blue, house"}
        (self.shop.root / "all.csv").write_text("item,title\n" + "".join(f'{i},"{text}"\n' for i, text in texts.items()))
        cold = self.shop.root / "cold"
        run(["data", "import", "events", "--form", "sessions", "--train", self.shop.root / "train.txt", "--test",
             self.shop.root / "test.txt", "--text-column", "title", "--texts", self.shop.root / "all.csv", "--text-only-items",
             "--out", cold])
        asked = [{"items": ["i3", "new3"], "top": 41}]
        for name, extra in (("both", ["model.item_text=true"]), ("drawn_both", ["model.item_text=true", *SAMPLED]),
                            ("texts", ["model.item_text=true", "model.item_ids=false", *SAMPLED]), ("numbers", [])):
            settings = [f"data.path={cold}", *extra, "train.epochs=2"]
            self.train(name, *settings)
            if name == "drawn_both":
                self.train(f"{name}2", *settings, ranks=2)
                self.shop.assert_same_losses(self, [name, f"{name}2"])
            figures, reports = zip(*(self.shop.figures(name, ranks=ranks) for ranks in (1, 3)))
            self.assertEqual(figures[0], figures[1])
            reads = name != "numbers"
            want = Reference(self.shop.root / name, cold, self.walks, texts if reads else None).figures()
            for figure, value in want.items():
                self.assertAlmostEqual(reports[0][figure], value, delta=3e-5 if figure == "loss" else 1e-9, msg=f"{name}, {figure}")
            answer = json.loads(run(["predict", self.shop.root / name], input=json.dumps(asked[0]) + "\n").stdout)
            self.assertEqual("new3" in answer["items"], reads)
        self.assertIn("nothing is known", self.train("bad", "model.item_ids=false", expect=78).stderr)

    def test_bits_agree_with_lanes_and_after_stops(self):
        settings = [*SAMPLED, "reproducible=true", "lanes=4", "checkpoint.every=100"]
        whole = self.train("whole", *settings, "train.steps=22")
        self.assertEqual(self.train("bits4", *settings, "train.steps=22", ranks=4)["parameters_sha256"],
                         whole["parameters_sha256"])
        for ranks, steps in ((1, 5), (2, 22)):
            moved = self.train("moved", *settings, f"train.steps={steps}", ranks=ranks)
        self.assertEqual(moved["parameters_sha256"], whole["parameters_sha256"])

    def test_figures_are_the_references_and_above_the_floors(self):
        self.train("judged", "train.epochs=12")
        figures, reports = zip(*(self.shop.figures("judged", ranks=ranks) for ranks in (1, 3)))
        self.assertEqual(figures[0], figures[1])
        want = Reference(self.shop.root / "judged", self.data, self.walks).figures()
        for name, value in want.items():
            self.assertAlmostEqual(reports[0][name], value, delta=2e-5 if name == "loss" else 1e-9, msg=name)
        self.assertGreater(reports[0]["recall_at_5"], reports[0]["popularity_recall_at_5"] + 0.2)

    def test_predict_ranks_candidates(self):
        self.train("asked", *SAMPLED, "train.epochs=3")
        reference = Reference(self.shop.root / "asked", self.data, self.walks)
        lines = [{"items": ["i3", "i10"], "id": "x"}, {"items": ["i3", "i10"], "candidates": ["i7", "never", "i31", "i1"]},
                 {"items": ["never"], "top": 3}, {"items": []}, {"items": [{}]}, {"top": 3}, {"items": ["i1"], "top": 0}]
        done = run(["predict", self.shop.root / "asked"], expect=65, input="\n".join(map(json.dumps, lines)) + "\n")
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        scores = reference.scores(["i3", "i10"])
        best = sorted(scores, key=scores.get, reverse=True)
        self.assertEqual(answers[0]["id"], "x")
        self.assertEqual(answers[0]["items"], best[:5])
        for item, score in zip(answers[0]["items"], answers[0]["scores"]):
            self.assertAlmostEqual(score, scores[item], delta=1e-4)
        self.assertEqual(answers[1]["items"], [item for item in best if item in ("i7", "i31", "i1")])
        self.assertEqual(answers[1]["unknown"], ["never"])
        self.assertEqual(len(answers[2]["items"]), 3)
        self.assertTrue(all("error" in answer for answer in answers[3:]))
        self.shop.assert_batches_agree(self, "asked", [*lines, *({"items": [f"i{i}" for i in range(n, 30, n)], "top": n} for n in (1, 4, 9))])
        done = run(["predict", self.shop.root / "asked", "--data", self.data, "--split", "test"])
        self.assertEqual(len(done.stdout.splitlines()), len(self.walks["test"]))

    def test_bad_configs_are_refused(self):
        for override, part in (("model.bidirectional=true", "must not see"), ("model.tied=false", "needs model.tied")):
            done = self.train("bad", *SAMPLED, override, expect=78)
            self.assertIn(part, done.stderr)
        self.assertIn("import events", self.shop.train("other", *MODEL, expect=78).stderr)


class Reference:
    """The same network in PyTorch with the weights of a checkpoint; floors counted from the texts."""

    def __init__(self, folder, data, walks, texts=None):
        import torch
        from safetensors.torch import load_file
        self.torch, self.walks = torch, walks
        weights = load_file(sorted((folder / "checkpoints").glob("step-*"))[-1] / "model.safetensors")
        manifest = json.loads((data / "manifest.json").read_text())
        self.labels = manifest["streams"][0]["labels"]
        self.known = manifest.get("known_symbols", {}).get("inputs", len(self.labels))
        self.readable = self.labels if texts else self.labels[:self.known]
        self.embedding = torch.zeros(len(self.readable), 12)
        if "embedding_weight" in weights:
            self.assert_rows(weights["embedding_weight"])
            self.embedding[:self.known] = weights["embedding_weight"]
        self.lstm = torch.nn.LSTM(12, 12)
        self.lstm.load_state_dict({k[len("lstm."):]: v for k, v in weights.items() if k.startswith("lstm.")})
        self.number = {label: i for i, label in enumerate(self.readable)}
        if texts:
            self.embedding = self.embedding + self.of_texts(weights, [texts.get(label, "") for label in self.labels])

    def assert_rows(self, weight):
        """What training does not know has no number of its own."""
        assert len(weight) == self.known, len(weight)

    def of_texts(self, weights, texts):
        torch = self.torch
        cut = [re.findall(r"\w+|[^\w\s]", text.lower()) for text in texts]
        counts = collections.Counter(word for text in cut for word in text)
        words = {word: i for i, word in enumerate(["<unk>", *sorted(counts, key=lambda word: (-counts[word], word))])}
        lstm = torch.nn.LSTM(12, 12)
        lstm.load_state_dict({k[len("text.lstm."):]: v for k, v in weights.items() if k.startswith("text.lstm.")})
        with torch.no_grad():
            rows = [lstm(weights["text.word_embedding_weight"][[words[word] for word in text] or [0]].unsqueeze(1))[0].max(0).values
                    for text in cut]
            return torch.cat(rows) @ weights["text_matrix.weight"].T

    def logits(self, walk):
        torch = self.torch
        with torch.no_grad():
            y, _ = self.lstm(self.embedding[[self.number.get(item, 0) for item in walk]].unsqueeze(1))
            normal = torch.nn.functional.normalize
            return 8 * normal(y.squeeze(1), dim=1) @ normal(self.embedding[1:], dim=1).T

    def scores(self, walk):
        return dict(zip(self.readable[1:], self.logits(walk)[-1].tolist()))

    def figures(self):
        counts, follows = collections.Counter(), collections.defaultdict(collections.Counter)
        for walk in self.walks["train"]:
            counts.update(walk)
            for a, b in zip(walk, walk[1:]):
                follows[a][b] += 1
        self_check = [counts[label] for label in self.labels[1:]]
        assert self_check == sorted(self_check, reverse=True)
        loss, known, places = 0.0, 0, {"": [], "popularity_": [], "markov_": [], "text_only_": []}
        text_only = set(self.labels[self.known:])
        for walk in self.walks["test"]:
            logits = self.logits(walk[:-1])
            for t, target in enumerate(walk[1:]):
                number = self.number.get(target, 0)
                ranked = sorted(follows[walk[t]], key=lambda item: (-follows[walk[t]][item], self.number[item]))
                ranked += [item for item in self.labels[1:] if item not in follows[walk[t]]]
                places["markov_"].append(ranked.index(target) + 1 if target in ranked else 0)
                places["popularity_"].append(number if number < self.known else 0)
                places[""].append(int((logits[t] >= logits[t][number - 1]).sum()) if number else 0)
                if target in text_only:
                    places["text_only_"].append(places[""][-1])
                if number:
                    known += 1
                    loss += self.torch.nn.functional.cross_entropy(logits[t], self.torch.tensor(number - 1)).item()
        figures = {"loss": loss / known}
        for who, list_of_places in places.items():
            if not list_of_places:
                continue
            hits = [place for place in list_of_places if 1 <= place <= 5]
            total = len(list_of_places)
            figures[f"{who}recall_at_5"] = len(hits) / total
            figures[f"{who}mrr_at_5"] = math.fsum(1 / place for place in hits) / total
            figures[f"{who}ndcg_at_5"] = math.fsum(1 / math.log2(1 + place) for place in hits) / total
        return figures


if __name__ == "__main__":
    unittest.main(verbosity=2)
