"""Variants of the LSTM: the same training at any world size, to the bit where it is asked for, and clear refusals."""

import json
import random
import unittest

from support import Workshop, run

TEXT = ["task=language_model", "model.hidden_size=12", "model.num_layers=2", "batch.size=12", "data.steps=6",
        "evaluate.batch_size=11", "optimizer.clip_norm=0.5", "optimizer.learning_rate=0.01"]
RAGGED = ["task=sequence_classification", "model.hidden_size=12", "batch.size=14", "optimizer.kind=sgd",
          "optimizer.learning_rate=0.3", "model.num_layers=2", "model.bidirectional=true", "model.pooling=attention"]
VARIANTS = {
    "norm": ["model.layer_norm=true", "model.attention=additive"],
    "cells": ["model.peepholes=true", "model.coupled_gates=true", "model.projection_size=7",
              "model.residual=true", "model.initial_weights=orthogonal"],
    "masks": ["model.dropout=0.2", "model.variational_dropout=true", "model.recurrent_dropout=0.3",
              "model.zoneout_cells=0.2", "model.zoneout_outputs=0.1", "model.weight_drop=0.3"],
    "kernel": ["model.coupled_gates=true", "model.weight_drop=0.3", "model.initial_bound=0.2"],
}


class LstmVariants(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Workshop()
        cls.addClassCleanup(cls.shop.close)
        generator = random.Random(3)
        words = [f"w{i}" for i in range(30)]
        lines = [" ".join(generator.choices(words, weights=range(1, 31), k=generator.randint(0, 12)))
                 for _ in range(260)]
        text = cls.shop.root / "text.txt"
        text.write_text("\n".join(lines) + "\n")
        cls.text = cls.shop.root / "text"
        run(["data", "import", "lines", text, "--split", "0.7,0.1,0.2", "--tokens", "words", "--out", cls.text])

    def learn_text(self, name, *overrides, ranks=1):
        return self.shop.train(name, f"data.path={self.text}", *TEXT, *overrides, ranks=ranks)

    def classify(self, name, *overrides, ranks=1):
        return self.shop.train(name, f"data.path={self.shop.ragged_data()}", *RAGGED, *overrides, "train.steps=10", ranks=ranks)

    def test_ragged_sequences_give_the_same_losses_on_1_to_4_ranks(self):
        for variant in ("cells", "masks"):
            names = [f"{variant}{ranks}" for ranks in (1, 2, 3, 4)]
            for ranks, name in enumerate(names, 1):
                result = self.classify(name, *VARIANTS[variant], ranks=ranks)
                self.assertEqual(result["world_size"], ranks)
            self.shop.assert_same_losses(self, names)

    def test_ragged_sequences_give_the_same_bits(self):
        """Layer normalisation of few cells blows rounding up; what it computes does not depend on the ranks."""
        for variant in ("norm", "masks"):
            hashes = {self.classify(f"bits_{variant}{ranks}", *VARIANTS[variant], "reproducible=true", "lanes=4",
                                    ranks=ranks)["parameters_sha256"] for ranks in (1, 2, 4)}
            self.assertEqual(len(hashes), 1, variant)

    def test_texts_are_learned_to_the_same_bits_through_stops_and_world_sizes(self):
        settings = ["reproducible=true", "lanes=4", "checkpoint.every=100"]
        for variant in ("cells", "masks", "kernel"):
            overrides = VARIANTS[variant]
            whole = self.learn_text(f"whole_{variant}", *settings, *overrides, "train.steps=12")
            for ranks, steps in ((1, 5), (4, 9), (2, 12)):
                moved = self.learn_text(f"moved_{variant}", *settings, *overrides, f"train.steps={steps}", ranks=ranks)
            self.assertEqual(moved["parameters_sha256"], whole["parameters_sha256"], variant)

    def test_adaptive_softmax(self):
        overrides = ["model.softmax_cutoffs=[8, 20]", "train.steps=20"]
        for ranks in (1, 3):
            self.learn_text(f"softmax{ranks}", *overrides, ranks=ranks)
        self.shop.assert_same_losses(self, ["softmax1", "softmax3"])
        self.assertLess(self.shop.losses("softmax1")[20], self.shop.losses("softmax1")[1])
        lines = '{"text": "w3 w29 w5"}\n{"prompt": "w3", "length": 8, "seed": 2}\n'
        answers = [json.loads(line) for line in
                   run(["predict", self.shop.root / "softmax1"], input=lines).stdout.splitlines()]
        self.assertEqual(answers[0]["tokens"], 4)
        self.assertEqual(len(answers[1]["text"].replace("\n", " \n ").split(" ")) > 0, True)

    def test_what_does_not_go_together_is_refused_with_its_key(self):
        for overrides, message in (
                (["model.peepholes=true", "model.forget_gate=false"], "model.peepholes"),
                (["model.layer_norm=true", "model.kernel=cpu"], "model.layer_norm"),
                (["model.softmax_cutoffs=[5]"], "language_model"),
                (["task=language_model", "model.softmax_cutoffs=[5, 5]"], "grow"),
                (["task=language_model", "model.softmax_cutoffs=[5]", "model.tied=true"], "model.tied"),
                (["task=translation", "model.projection_size=3"], "model.projection_size"),
                (["task=forecasting", "model.pooling=attention"], "model.pooling"),
                (["task=language_model", "model.ensemble=2"], "model.ensemble"),
                (["task=ctc", "model.bag_ngrams=2"], "model.bag_ngrams"),
                (["model.bag_ngrams=2", "model.reverse_complement=true"], "model.bag_ngrams"),
                (["task=language_model", "model.class_weights=[balanced]"], "model.class_weights")):
            done = self.shop.train("refused", *overrides, expect=78)
            self.assertIn(message, done.stderr + done.stdout)
        done = run(["train", self.shop.config, f"data.path={self.text}", f"run.dir={self.shop.root / 'large'}", *TEXT,
                    "model.softmax_cutoffs=[5, 5000]"], expect=78)
        self.assertIn("model.softmax_cutoffs", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
