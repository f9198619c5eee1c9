"""Numbers for sequences and legal successors: the same training at any world size, figures as their definitions."""

import json
import unittest

from support import Workshop, run

MODEL = ["model.hidden_size=12", "model.embedding_size=6", "batch.size=14", "optimizer.learning_rate=0.02",
         "evaluate.batch_size=9", "train.log_every=1"]


class LongLag(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Workshop()
        cls.addClassCleanup(cls.shop.close)
        for name, options in (("adding", ["adding", "--length", "20"]), ("reber", ["reber", "--continual", "2"])):
            run(["data", "generate", *options, "--train", "120", "--test", "50", "--out", cls.shop.root / f"{name}.data"])

    def train(self, name, data, *overrides, ranks=1, **options):
        return self.shop.train(name, f"data.path={self.shop.root / data}.data", *MODEL, *overrides, ranks=ranks, **options)

    def test_losses_agree_on_1_2_3_and_4_ranks(self):
        for ranks in (1, 2, 3, 4):
            self.train(f"agree{ranks}", "adding", "task=sequence_regression", "train.steps=20", ranks=ranks)
        self.shop.assert_same_losses(self, [f"agree{ranks}" for ranks in (1, 2, 3, 4)])

    def test_regression_figures_are_those_of_predictions(self):
        import h5py
        self.train("adding", "adding", "task=sequence_regression", "train.steps=60", "model.tolerance=0.1", ranks=2)
        figures, reports = zip(*(self.shop.figures("adding", ranks=ranks) for ranks in (1, 3)))
        self.assertEqual(figures[0], figures[1])
        done = run(["predict", self.shop.root / "adding", "--data", self.shop.root / "adding.data", "--split", "test"])
        answers = [json.loads(line)["values"][0] for line in done.stdout.splitlines()]
        with h5py.File(self.shop.root / "adding.data/test-00000.h5") as file:
            right = file["targets/data/sum"][:, 0].tolist()
        errors = [abs(a - b) for a, b in zip(answers, right)]
        self.assertEqual(len(answers), len(right))
        self.assertAlmostEqual(reports[0]["loss"], sum(e * e for e in errors) / 50, delta=1e-6)
        self.assertAlmostEqual(reports[0]["mae"], sum(errors) / 50, delta=1e-5)
        self.assertAlmostEqual(reports[0]["within_tolerance"], sum(e < 0.1 for e in errors) / 50)

    def test_legal_successors_by_the_definition(self):
        import h5py
        import torch
        from safetensors.torch import load_file
        self.train("reber", "reber", "task=sequence_labelling", "train.steps=0", "train.epochs=6", "model.forget_gate=false",
                   ranks=2)
        report = self.shop.figures("reber", ranks=2)[1]
        newest = sorted((self.shop.root / "reber/checkpoints").glob("step-*"))[-1]
        w = load_file(newest / "model.safetensors")
        steps = whole = begin = total = 0
        with h5py.File(self.shop.root / "reber.data/test-00000.h5") as file:
            for length, *_ in file["seqLengths"][:]:
                end = begin + int(length)
                x = w["embedding_weight"][torch.tensor(file["inputs"][begin:end].astype("int64"))]
                legal = file["targets/data/legal"][begin:end]
                begin, total = end, total + end - begin
                h = c = torch.zeros(12)
                good = 0
                for t in range(len(x)):
                    i, _, g, o = (w["lstm.weight_ih_l0"] @ x[t] + w["lstm.weight_hh_l0"] @ h + w["lstm.bias_ih_l0"] +
                                  w["lstm.bias_hh_l0"]).chunk(4)
                    c = c + i.sigmoid() * g.tanh()  # no forget gate
                    h = o.sigmoid() * c.tanh()
                    order = (w["output.weight"] @ h + w["output.bias"]).argsort(descending=True).tolist()
                    good += set(order[:int(legal[t].sum())]) == {s for s in range(7) if legal[t][s]}
                steps, whole = steps + good, whole + (good == len(x))
        self.assertAlmostEqual(report["legal_steps"], steps / total)
        self.assertAlmostEqual(report["legal_sequences"], whole / 50)
        self.assertGreater(steps / total, 0.5)
        line = json.dumps({"symbols": ["B", "T", "B"]})
        done = run(["predict", self.shop.root / "reber"], expect=65, input=line + '\n{"symbols": ["Q"]}\n')
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(answers[0]["labels"]), 3)
        self.assertIn("error", answers[1])

    def test_what_does_not_fit_is_refused(self):
        self.train("bad1", "reber", "task=sequence_regression", "train.steps=1", expect=78)
        self.train("bad2", "reber", "task=sequence_labelling", "train.steps=1", "model.reverse_complement=true", expect=78)


if __name__ == "__main__":
    unittest.main(verbosity=2)
