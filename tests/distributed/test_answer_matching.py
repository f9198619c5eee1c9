"""Answers to questions: the same training on any number of ranks, figures with equal scores, answers from a file."""

import itertools
import json
import random
import unittest

from support import Workshop, run

SETTINGS = ["task=answer_matching", "model.embedding_size=12", "model.hidden_size=10", "model.bidirectional=true",
            "model.pooling=max", "model.dropout=0.2", "model.symbol_dropout=0.1", "model.scorer_size=8", "batch.size=15",
            "optimizer.learning_rate=0.01", "evaluate.batch_size=9", "train.log_every=1"]
LEARNED = ["train.steps=0", "train.epochs=30", "optimizer.learning_rate=0.02"]
DUAL = ["model.matching=dual", "model.logit_scale=10"]
TOPICS = {"password": ["reset", "login", "secret"], "delivery": ["parcel", "courier", "late"], "invoice": ["bill", "tax", "paid"],
          "refund": ["money", "return", "broken"], "address": ["street", "move", "house"]}


def question_about(generator, topic):
    words = [generator.choice(TOPICS[topic]), generator.choice(TOPICS[topic])] + [f"w{generator.randrange(25)}" for _ in range(generator.randrange(2, 8))]
    generator.shuffle(words)
    return " ".join(words)


def answer_about(generator, topic):
    return " ".join([topic] + [f"v{generator.randrange(25)}" for _ in range(int(generator.lognormvariate(1.5, 0.6)))])


def average_precision(scores, right):
    """Means over all orders of equal scores."""
    figures = []
    for order in itertools.permutations(range(len(scores))):
        if any(scores[a] < scores[b] for a, b in zip(order, order[1:])):
            continue
        places = [place for place, i in enumerate(order, 1) if right[i]]
        figures.append((sum(n / place for n, place in enumerate(places, 1)) / len(places), 1 / places[0], places[0] == 1, places[0] <= 5))
    return [sum(column) / len(figures) for column in zip(*figures)]


class AnswerMatching(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Workshop()
        cls.addClassCleanup(cls.shop.close)
        generator = random.Random(5)
        rows = []
        for number in range(170):
            topic = generator.choice(list(TOPICS))
            question = question_about(generator, topic) + f" q{number}"
            others = [generator.choice(list(TOPICS)) for _ in range(generator.randrange(1, 5))]
            for candidate in generator.sample([topic, *others], 1 + len(others)):
                right = candidate == topic and number % 17 != 3
                rows.append(f"{question}\t{answer_about(generator, candidate)}\t{int(right)}")
        source = cls.shop.root / "pairs.tsv"
        source.write_text("\n".join(rows) + "\n")
        cls.data, cls.all_data = cls.shop.root / "pairs.data", cls.shop.root / "all.data"
        for data, more in ((cls.data, []), (cls.all_data, ["--unanswered"])):
            run(["data", "import", "pairs", source, "--form", "tsv", "--group-column", "1", "--text-column", "2", "--label-column", "3",
                 "--split", "0.7,0,0.3", "--min-count", "2", "--out", data, *more])

    def train(self, name, *overrides, ranks=1, **options):
        return self.shop.train(name, f"data.path={self.data}", *SETTINGS, *overrides, ranks=ranks, **options)

    def test_losses_agree_on_1_2_3_and_4_ranks(self):
        """With batches that do not divide; the last of an epoch has fewer questions than there are ranks."""
        manifest = json.loads((self.data / "manifest.json").read_text())
        count = next(split["sequences"] for split in manifest["splits"] if split["name"] == "train")
        for size in range(12, 20):
            if 0 < count % size < 4:
                break
        two = ["model.ensemble=2", "model.candidate_loss=0.5"]
        for name, settings in (("cross", []), ("dual", DUAL), ("each", [*DUAL, "model.shared_encoder=false"]), ("two", two)):
            worlds = (1, 3) if name in ("each", "two") else (1, 2, 3, 4)
            for ranks in worlds:
                self.train(f"{name}{ranks}", *settings, f"batch.size={size}", "train.steps=20", ranks=ranks)
            self.shop.assert_same_losses(self, [f"{name}{ranks}" for ranks in worlds])
        for name, settings in (("many-cross", []), ("many-dual", DUAL)):  # on one rank too many answers to be encoded together
            for ranks in (1, 3):
                self.train(f"{name}{ranks}", *settings, "batch.size=45", "train.steps=4", ranks=ranks)
            self.shop.assert_same_losses(self, [f"{name}1", f"{name}3"])

    def test_negatives_come_from_all_ranks(self):
        """The loss of a first step is that of a batch of the whole size, not that of its parts."""
        losses = {}
        for size, ranks in ((16, 1), (16, 4), (4, 1)):
            self.train(f"wide{size}-{ranks}", *DUAL, f"batch.size={size}", "train.steps=1", "model.dropout=0", "model.symbol_dropout=0", ranks=ranks)
            losses[size, ranks] = self.shop.losses(f"wide{size}-{ranks}")[1]
        self.assertAlmostEqual(losses[16, 1], losses[16, 4], delta=1e-4)
        self.assertGreater(losses[16, 1], losses[4, 1] + 0.5)

    def test_goes_on_from_a_checkpoint(self):
        for name, settings in (("cross", []), ("dual", DUAL)):
            whole = self.train(f"{name}-whole", *settings, "train.steps=16")
            self.train(f"{name}-parts", *settings, "train.steps=7")
            again = self.train(f"{name}-parts", *settings, "train.steps=16")
            self.assertEqual(again["parameters_sha256"], whole["parameters_sha256"])

    def test_the_highest_map_is_kept(self):
        """Without being told that higher is better."""
        result = self.train("kept", "train.steps=30", "evaluate.every=3", "select.metric=map", "select.keep_best=true")
        lines = map(json.loads, (self.shop.root / "kept/metrics.jsonl").read_text().splitlines())
        figures = [line["map"] for line in lines if line["split"] == "test"]
        self.assertGreater(max(figures), min(figures))  # else this would show nothing
        self.assertEqual(result["best"]["test"]["map"], max(figures))

    def test_figures_are_those_of_the_predictions(self):
        import h5py
        with h5py.File(self.data / "test-00000.h5") as file:
            lengths = file["seqLengths"][:]
            bits = file["targets/data/right"][:].reshape(-1)
            steps = file["targets/data/lengths"].shape[0]
        self.assertEqual(len(bits), steps)
        for name, settings in (("judged-dual", DUAL), ("judged-two", ["model.ensemble=2"]), ("judged", [])):
            self.train(name, *settings, *LEARNED, ranks=2)
            figures, reports = zip(*(self.shop.figures(name, ranks=ranks) for ranks in (1, 3)))
            self.assertEqual(figures[0], figures[1])
            done = run(["predict", self.shop.root / name, "--data", self.data, "--split", "test"])
            answers = sorted(map(json.loads, done.stdout.splitlines()), key=lambda one: one["id"])
            self.assertEqual(len(answers), len(lengths))
            begin, rows = 0, []
            for answer in answers:
                right = bits[begin:begin + len(answer["scores"])]
                begin += len(answer["scores"])
                if not all(right):  # else there is nothing to rank
                    rows.append(average_precision(answer["scores"], right))
            self.assertLess(len(rows), len(lengths))
            self.assertEqual(begin, len(bits))
            for metric, column in zip(("map", "mrr", "recall_at_1", "recall_at_5"), zip(*rows)):
                self.assertAlmostEqual(reports[0][metric], sum(column) / len(column), delta=1e-5)
            self.assertGreater(reports[0]["map"], 0.85)
        self.assertIn("overlap_map", reports[0])

    def test_questions_without_an_answer_teach_what_is_wrong(self):
        """Kept with --unanswered, they change the loss of single candidates and not that of lists."""
        counts = [json.loads((data / "manifest.json").read_text())["splits"][0]["sequences"] for data in (self.data, self.all_data)]
        self.assertGreater(counts[1], counts[0])
        hashes = [self.shop.train(f"all{weight}", f"data.path={self.all_data}", *SETTINGS, "batch.size=1", f"train.steps={counts[1]}",
                                  f"model.candidate_loss={weight}")["parameters_sha256"] for weight in (0, 1)]
        self.assertNotEqual(*hashes)
        for losses in (self.shop.losses("all0"), self.shop.losses("all1")):
            self.assertEqual(len(losses), counts[1])
            self.assertEqual(sum(loss == 0 for loss in losses.values()), counts[1] - counts[0])

    def test_answers_from_a_file(self):
        generator = random.Random(7)
        self.train("finder", *DUAL, *LEARNED, ranks=2)
        index = self.shop.root / "faq.jsonl"
        index.write_text("\n".join(json.dumps({"id": topic, "answer": f"{topic} v1 v2 v3"}) for topic in TOPICS)
                         + '\n{"answer": "kangaroo opening hours", "question": ["visit zoo", "see animals"]}\n')
        topics = [generator.choice(list(TOPICS)) for _ in range(40)]
        lines = [question_about(generator, topic) for topic in topics]
        done = run(["predict", self.shop.root / "finder", "--index", index, "--threshold", "0.2"], input="\n".join(lines) + "\n")
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        right = sum(answer["answers"][0]["template"] == topic for answer, topic in zip(answers, topics) if answer["by"] == "model")
        self.assertGreaterEqual(right, 36)
        self.assertEqual(len(answers[0]["answers"]), 3)
        strict = ["--index", index, "--threshold", "1.01", "--top", "1"]
        done = run(["predict", self.shop.root / "finder", *strict], input='see zoo animals please\n{"text": "nothing of this", "id": 9}\n')
        text, none = map(json.loads, done.stdout.splitlines())
        self.assertEqual((text["by"], text["answers"][0]["template"]), ("text", 6))
        self.assertEqual((none["by"], none["answers"], none["message"], none["id"]), (None, [], "no good answer", 9))
        ranked = run(["predict", self.shop.root / "finder"],
                     input=json.dumps({"question": "parcel late", "candidates": ["invoice v1", "delivery v2"]}) + "\n").stdout
        self.assertEqual([one["place"] for one in json.loads(ranked)["ranking"]], [1, 0])
        lists = [{"question": line, "candidates": [f"{topic} v1", f"v{n}", "v2 v3"][:n % 3 + 1]}
                 for n, (line, topic) in enumerate(zip(lines, topics))]
        mixed = [{"question": ""}, *lists[:9], *lines[:9], {"question": "x", "candidates": [""]}, "unheard"]
        self.shop.assert_batches_agree(self, "finder", mixed, "--index", index, "--threshold", "0.2")

    def test_a_scorer_of_pairs_answers_too(self):
        self.train("scorer", "train.steps=30")
        index = self.shop.root / "few.jsonl"
        index.write_text('{"answer": "the parcel comes late"}\n{"answer": "your bill is paid"}\n')
        done = run(["predict", self.shop.root / "scorer", "--index", index, "--threshold", "0"],
                   input='{"question": "where is the parcel"}\n{"question": "unheard"}\n')
        found, none = map(json.loads, done.stdout.splitlines())
        self.assertEqual((found["by"], len(found["answers"])), ("model", 2))
        self.assertIsNone(none["by"])
        lines = [{"question": f"where is {what}"} for what in ("my bill", "the parcel", "unheard", "it paid late or unpaid")]
        lists = [{"question": "parcel late", "candidates": ["v1", "late parcel v2", "v3 v4 v5"][:count]} for count in (3, 1, 2)]
        self.shop.assert_batches_agree(self, "scorer", [*lines, *lists], "--index", index, "--threshold", "0")

    def test_mistakes_are_told(self):
        self.train("plain", "model.candidate_place=true", "train.steps=2")
        index = self.shop.root / "bad.jsonl"
        index.write_text('{"answer": "good"}\n{"reply": "bad"}\n')
        place = run(["predict", self.shop.root / "plain", "--index", index], expect=64, input="x\n")
        self.assertIn("candidate_place", place.stderr)
        self.train("other", "train.steps=2")
        self.assertIn("bad.jsonl:2", run(["predict", self.shop.root / "other", "--index", index], expect=65, input="x\n").stderr)
        for refused in ("reproducible=true", "batch.accumulation=2"):
            done = self.train("refused", *DUAL, refused, "train.steps=2", expect=78)
            self.assertIn("looks at all of a batch", done.stderr)
        digits = self.shop.arguments("digits", *SETTINGS)
        self.assertIn("import pairs", run(digits, expect=78).stderr)
        bare = self.shop.root / "bare.tsv"
        bare.write_text("".join(f"question {n}\tanswer {n}\t1\n" for n in range(20)))
        done = run(["data", "import", "pairs", bare, "--group-column", "1", "--text-column", "2", "--label-column", "3", "--split", "1,0,0",
                    "--out", self.shop.root / "bare.data"])
        self.assertIn("only model.matching: dual", done.stdout)
        nothing = self.train("nothing", f"data.path={self.shop.root / 'bare.data'}", "train.steps=2", expect=78)
        self.assertIn("nothing to learn from", nothing.stderr)
        many = self.train("many", *DUAL, "model.ensemble=2", "train.steps=2", expect=78)
        self.assertIn("model.ensemble", many.stderr)
        lines = run(["predict", self.shop.root / "other"], expect=65, input='{"text": "x"}\n{"question": "x", "candidates": []}\n').stdout
        self.assertTrue(all("error" in json.loads(line) for line in lines.splitlines()))


if __name__ == "__main__":
    unittest.main(verbosity=2)
