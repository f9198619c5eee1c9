"""Starting from other weights: another run's, or word vectors; frozen parameters, rates of their own, class weights."""

import gzip
import json
import random
import unittest

from support import Workshop, run

WORDS = [f"w{i}" for i in range(24)]
NETWORK = ["model.embedding_size=6", "model.hidden_size=8", "optimizer.learning_rate=0.02"]
CLASSIFY = ["task=sequence_classification", "batch.size=14", "model.pooling=max", *NETWORK]


class FineTuning(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Workshop()
        cls.addClassCleanup(cls.shop.close)
        generator = random.Random(4)
        text = cls.shop.root / "text.txt"
        text.write_text("".join(" ".join(generator.choices(WORDS, k=generator.randint(2, 9))) + "\n" for _ in range(200)))
        run(["data", "import", "lines", text, "--split", "0.8,0,0.2", "--tokens", "words", "--out", cls.shop.root / "text"])
        rows = []
        for _ in range(150):
            label = generator.choice(["good", "good", "good", "bad"])
            words = [label] + generator.choices([*WORDS[:12], "other"], k=generator.randint(1, 9))
            rows.append(f"{label}\t{' '.join(words)}")
        table = cls.shop.root / "table.tsv"
        table.write_text("\n".join(rows) + "\n")
        run(["data", "import", "labelled", table, "--form", "tsv", "--label-column", "1", "--text-column", "2", "--split",
             "0.8,0,0.2", "--out", cls.shop.root / "labelled"])
        cls.language = cls.shop.train("language", f"data.path={cls.shop.root / 'text'}", "task=language_model", "batch.size=10",
                                      "data.steps=5", *NETWORK, "train.steps=10")

    def train(self, name, *overrides, **options):
        return self.shop.train(name, f"data.path={self.shop.root / 'labelled'}", *CLASSIFY, *overrides, **options)

    def weights(self, name):
        from safetensors.torch import load_file
        newest = sorted((self.shop.root / name / "checkpoints").glob("step-*"))[-1]
        return load_file(newest / "model.safetensors")

    def optimizer_state(self, name):
        from safetensors.torch import load_file
        newest = sorted((self.shop.root / name / "checkpoints").glob("step-*"))[-1]
        return load_file(newest / "optimizer.safetensors")

    def labels(self, data):
        return json.loads((self.shop.root / data / "manifest.json").read_text())["streams"][0]["labels"]

    def output_of(self, name, *overrides, ranks=1):
        return run(self.shop.arguments(name, f"data.path={self.shop.root / 'labelled'}", *CLASSIFY, *overrides,
                                       ranks=ranks)).stdout

    def test_another_runs_weights_by_name_and_word(self):
        start = f"init_from={self.shop.root / 'language'}"
        table = self.output_of("tuned1", start, "train.steps=8", "optimizer.rate_factors=[\"*=0\"]")
        source, tuned = self.weights("language"), self.weights("tuned1")
        for name in ("lstm.weight_ih_l0", "lstm.weight_hh_l0", "lstm.bias_ih_l0"):
            self.assertTrue(source[name].equal(tuned[name]), name)
        ours, theirs = self.labels("labelled"), self.labels("text")
        shared = 0
        for row, word in enumerate(ours):
            if word in theirs:
                shared += 1
                self.assertTrue(tuned["embedding_weight"][row].equal(source["embedding_weight"][theirs.index(word)]), word)
        self.assertIn(f"{shared} of {len(ours)} rows", table)
        self.assertRegex(table, r"output\.weight .*fresh")
        self.assertRegex(table, r"output_bias .*left out")

    def test_another_data_sets_vocabulary(self):
        """All words of the language model stay, in their order, and so all of its rows are taken."""
        source = self.shop.root / "table.tsv"
        form = ["--form", "tsv", "--label-column", "1", "--text-column", "2", "--split", "0.8,0,0.2"]
        run(["data", "import", "labelled", source, *form, "--vocabulary-of", self.shop.root / "text", "--out",
             self.shop.root / "same_words"])
        self.assertEqual(self.labels("same_words"), self.labels("text"))
        table = run(self.shop.arguments("same", f"data.path={self.shop.root / 'same_words'}", *CLASSIFY, "train.steps=2",
                                        f"init_from={self.shop.root / 'language'}")).stdout
        self.assertRegex(table, r"embedding_weight .*loaded")
        answer = json.loads(run(["predict", self.shop.root / "same"], input='{"text": "w3 unheard w4"}\n').stdout)
        self.assertIn(answer["label"], ("good", "bad"))
        run(["data", "import", "labelled", source, *form, "--vocabulary-of", self.shop.data, "--out", self.shop.root / "none"],
            expect=78)

    def test_the_same_losses_on_1_to_4_ranks_also_with_frozen_parameters(self):
        start = [f"init_from={self.shop.root / 'language'}", "train.steps=12", "freeze=[\"lstm.*\", embedding_weight]",
                 "optimizer.rate_factors=[\"output.bias=0.5\"]"]
        names = [f"frozen{ranks}" for ranks in (1, 2, 3, 4)]
        for ranks, name in enumerate(names, 1):
            self.train(name, *start, *(["optimizer.sharded=true"] if ranks == 3 else []), ranks=ranks)
        self.shop.assert_same_losses(self, names)
        source, frozen = self.weights("language"), self.weights("frozen4")
        self.assertTrue(source["lstm.weight_hh_l0"].equal(frozen["lstm.weight_hh_l0"]))
        state = self.optimizer_state("frozen1")
        self.assertEqual({name.split("/")[1] for name in state}, {"output.weight", "output.bias"})

    def test_frozen_runs_go_on_to_the_bit(self):
        settings = [f"init_from={self.shop.root / 'language'}", "freeze=[embedding_weight]", "reproducible=true", "lanes=4",
                    "optimizer.rate_factors=[\"lstm.*=0.3\"]", "train.average=0.9"]
        whole = self.train("whole", *settings, "train.steps=11")
        for ranks, steps in ((1, 4), (4, 7), (2, 11)):
            moved = self.train("moved", *settings, f"train.steps={steps}", ranks=ranks)
        self.assertEqual(moved["parameters_sha256"], whole["parameters_sha256"])

    def test_word_vectors(self):
        generator = random.Random(6)
        vectors = {word: [round(generator.uniform(-1, 1), 3) for _ in range(6)] for word in ["w3", "w7", "good", "never"]}
        lines = "".join(f"{word} {' '.join(map(str, values))}\n" for word, values in vectors.items())
        plain, packed = self.shop.root / "vectors.txt", self.shop.root / "vectors.gz"
        plain.write_text(lines)
        packed.write_bytes(gzip.compress(f"4 6\n{lines}".encode()))
        for name, file, ranks in (("vectors1", plain, 1), ("vectors2", packed, 2)):
            table = self.output_of(name, f"model.embedding_vectors={file}", "freeze=[embedding_weight]", "train.steps=5",
                                   ranks=ranks)
            self.assertIn(f"3 of {len(self.labels('labelled'))} words", table)
            row = self.labels("labelled").index("w7")
            for got, want in zip(self.weights(name)["embedding_weight"][row].tolist(), vectors["w7"]):
                self.assertAlmostEqual(got, want, places=6)
        self.shop.assert_same_losses(self, ["vectors1", "vectors2"])
        for content, message in (("w3 1 2 3\n", "vectors.txt:1"), (lines + "w5 1 2 3 4 5 nan\n", "vectors.txt:5"),
                                 (lines + "w5 1 2 x 4 5 6\n", "vectors.txt:5"), ("w3 1 2 3 4 5 6 7\n", "not 6 numbers")):
            plain.write_text(content)
            done = self.train("bad_vectors", f"model.embedding_vectors={plain}", expect=65)
            self.assertIn(message, done.stderr)
        self.train("no_vectors", "model.embedding_vectors=/nowhere.txt", expect=66)

    def test_class_weights(self):
        for name, weights in (("plain", "[]"), ("alike", "[good=1, bad=1]"), ("balanced", "[balanced]"), ("rare", "[bad=5]")):
            self.train(name, f"model.class_weights={weights}", "train.steps=12")
        self.shop.assert_same_losses(self, ["plain", "alike"])
        self.assertNotEqual(self.shop.losses("plain"), self.shop.losses("balanced"))
        for ranks in (2, 3):
            self.train(f"balanced{ranks}", "model.class_weights=[balanced]", "train.steps=12", ranks=ranks)
        self.shop.assert_same_losses(self, ["balanced", "balanced2", "balanced3"])
        done = self.train("unknown", "model.class_weights=[ugly=2]", expect=78)
        self.assertIn("ugly", done.stderr)

    def test_mistakes_are_told_by_name(self):
        language = f"init_from={self.shop.root / 'language'}"
        for overrides, message in (
                ([language, "model.hidden_size=9"], "lstm.weight_ih_l0 has shape [32, 6]"),
                ([language, "model.embedding_size=5"], "embedding_weight has shape"),
                ([language, "init_skip=[nothing*]"], "init_skip"),
                ([language, "init_skip=[\"*\"]"], "nothing in"),
                (["freeze=[\"*\"]"], "leaves nothing to train"),
                (["freeze=[lstmm]"], "no parameter fits"),
                (["optimizer.rate_factors=[lstm]"], "NAME=NUMBER"),
                (["optimizer.rate_factors=[lstmm=2]"], "no parameter fits")):
            done = self.train("mistake", *overrides, expect=78)
            self.assertIn(message, done.stderr, overrides)
        self.train("skipped", language, "model.hidden_size=9", "init_skip=[\"lstm.*\"]", "train.steps=2")
        self.train("absent", f"init_from={self.shop.root / 'nowhere'}", expect=66)


if __name__ == "__main__":
    unittest.main(verbosity=2)
