"""Labels of single letters and of whole sequences: the same training at any world size, figures as PyTorch's, folds."""

import json
import math
import random
import unittest

from support import Workshop, run

MODEL = ["task=sequence_labelling", "model.embedding_size=8", "model.hidden_size=6", "model.bidirectional=true",
         "model.context=1", "model.dropout=0.2", "model.symbol_dropout=0.1", "batch.size=14",
         "optimizer.learning_rate=0.02", "evaluate.batch_size=9", "train.log_every=1"]


class Biology(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Workshop()
        cls.addClassCleanup(cls.shop.close)
        generator = random.Random(5)
        chains, rows = [], []
        for i in range(150):
            letters = "".join(generator.choice("ACGTN" if generator.random() < 0.05 else "ACGT")
                              for _ in range(generator.randrange(3, 40)))
            # The label of a letter depends on it and on both of its neighbours, alike on both strands.
            padded = "A" + letters + "A"
            labels = "".join("x" if padded[i + 1] in "AT" and padded[i] in "CG" and padded[i + 2] in "CG"
                             else "y" if padded[i + 1] in "CG" else "z" for i in range(len(letters)))
            chains.append(f">chain{i}\n{letters}\n{labels}")
            rows.append(f"{'rich' if letters.count('C') + letters.count('G') > len(letters) / 2 else 'poor'},s{i},{letters}")
        for name, text, options in (("chains", "\n".join(chains), ["--form", "three-line"]),
                                    ("rows", "\n".join(rows), ["--form", "table", "--columns", "label,name,sequence"])):
            (cls.shop.root / f"{name}.txt").write_text(text + "\n")
            shares = "0.7,0,0.3" if name == "chains" else "1,0,0"
            run(["data", "import", "symbols", cls.shop.root / f"{name}.txt", *options, "--split", shares, "--out",
                 cls.shop.root / f"{name}.data"])

    def train(self, name, *overrides, ranks=1, data="chains", **options):
        return self.shop.train(name, f"data.path={self.shop.root / data}.data", *MODEL, *overrides, ranks=ranks, **options)

    def test_losses_agree_on_1_2_3_and_4_ranks(self):
        for ranks in (1, 2, 3, 4):
            result = self.train(f"agree{ranks}", "train.steps=20", "model.reverse_complement=true", "model.ensemble=2",
                                ranks=ranks)
            self.assertEqual(result["world_size"], ranks)
        self.shop.assert_same_losses(self, [f"agree{ranks}" for ranks in (1, 2, 3, 4)])

    def test_a_stopped_run_goes_on_to_the_same_parameters(self):
        settings = ["reproducible=true", "lanes=2"]
        whole = self.train("whole", *settings, "train.steps=18")
        self.train("parts", *settings, "train.steps=7")
        parts = self.train("parts", *settings, "train.steps=18", ranks=2)
        self.assertEqual(parts["parameters_sha256"], whole["parameters_sha256"])

    def test_figures_are_pytorchs_and_predictions_agree(self):
        import torch
        from safetensors.torch import load_file
        self.train("judged", "train.steps=0", "train.epochs=25", "model.reverse_complement=true", ranks=2)
        figures, reports = zip(*(self.shop.figures("judged", ranks=ranks) for ranks in (1, 3)))
        self.assertEqual(figures[0], figures[1])
        report = reports[0]
        newest = sorted((self.shop.root / "judged/checkpoints").glob("step-*"))[-1]
        weights = load_file(newest / "model.safetensors")
        lstm = torch.nn.LSTM(24, 6, bidirectional=True)
        lstm.load_state_dict({k[len("lstm."):]: v for k, v in weights.items() if k.startswith("lstm.")})
        loss, table, answers, lines = 0.0, [[0] * 3 for _ in range(3)], [], []
        for row, (inputs, targets) in enumerate(self.sequences("chains")):
            x = torch.nn.functional.pad(weights["embedding_weight"][inputs], (0, 0, 1, 1))
            x = torch.cat([x[:-2], x[1:-1], x[2:]], dim=1)
            with torch.no_grad():
                logits = lstm(x.unsqueeze(1))[0][:, 0] @ weights["output.weight"].T + weights["output.bias"]
            loss += torch.nn.functional.cross_entropy(logits, targets, reduction="sum").item()
            best = logits.argmax(1).tolist()
            for right, answer in zip(targets.tolist(), best):
                table[right][answer] += 1
            names = self.manifest("chains")["streams"]
            answers.append([names[1]["labels"][a] for a in best])
            lines.append(json.dumps({"id": row, "sequence": "".join(names[0]["labels"][i] for i in inputs)}))
        count = sum(map(sum, table))
        self.assertAlmostEqual(report["loss"], loss / count, delta=1e-4)
        self.assertAlmostEqual(report["accuracy"], sum(table[i][i] for i in range(3)) / count, places=9)
        self.assertAlmostEqual(report["mcc"], correlation(table), places=9)
        self.assertGreater(report["accuracy"], 0.9)
        self.assertGreater(report["auc"], 0.95)
        for i, label in enumerate(self.manifest("chains")["streams"][1]["labels"]):
            self.assertEqual(report["classes"][label]["true"], sum(table[i]))
            self.assertEqual(report["classes"][label]["correct"], table[i][i])
        bad = ['{"id": "none"}', '{"sequence": ""}', '{"text": "A C"}']
        done = run(["predict", self.shop.root / "judged"], expect=65, input="\n".join(lines + bad) + "\n")
        got = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([line["labels"] for line in got[:-3]], answers)
        self.assertTrue(all("error" in line for line in got[-3:]))
        done = run(["predict", self.shop.root / "judged", "--data", self.shop.root / "chains.data", "--split", "test"])
        self.assertEqual([json.loads(line)["labels"] for line in done.stdout.splitlines()], answers)

    def test_folds_cover_all_samples_once_and_go_on_where_they_stopped(self):
        settings = [f"data.path={self.shop.root / 'rows.data'}", *MODEL, "task=sequence_classification", "train.steps=12",
                    "model.pooling=middle", "data.log_samples=true"]
        arguments = [*self.shop.arguments("cross", *settings, ranks=2), "--folds", "3"]
        run(arguments)
        folds = json.loads((self.shop.root / "cross/folds.json").read_text())
        self.assertEqual(folds["folds"], 3)
        results = [self.shop.result(f"cross/fold-{i}") for i in range(3)]
        self.assertEqual([r["test"]["samples"] for r in results], [50, 50, 50])
        accuracy = folds["metrics"]["accuracy"]
        self.assertEqual(accuracy["values"], [r["test"]["accuracy"] for r in results])
        self.assertAlmostEqual(accuracy["mean"], sum(accuracy["values"]) / 3)
        # What a fold is measured on is what `evaluate` measures it on.
        report = self.shop.figures("cross/fold-1", ranks=1)[1]
        self.assertEqual(report["accuracy"], results[1]["test"]["accuracy"])
        (self.shop.root / "cross/folds.json").unlink()
        run(["train", *arguments[1:], "-q"])
        self.assertEqual(json.loads((self.shop.root / "cross/folds.json").read_text()), folds)

    def test_what_does_not_fit_is_refused(self):
        self.train("bad1", "train.steps=1", data="rows", expect=78)  # one label for many letters
        self.train("bad2", "train.steps=1", "model.join_steps=2", expect=78)
        self.train("bad3", "train.steps=1", "data.folds=1", expect=78)
        self.train("bad4", "train.steps=1", "data.folds=3", "data.fold=3", expect=78)

    def manifest(self, name):
        return json.loads((self.shop.root / f"{name}.data/manifest.json").read_text())

    def sequences(self, name):
        """Inputs and classes of the test split."""
        import h5py
        import torch
        begin = 0
        with h5py.File(self.shop.root / f"{name}.data/test-00000.h5") as file:
            for length, *_ in file["seqLengths"][:]:
                end = begin + int(length)
                yield (torch.tensor(file["inputs"][begin:end].astype("int64")),
                       torch.tensor(file["targets/data/classes"][begin:end].astype("int64")))
                begin = end


def correlation(table):
    """Matthews' correlation by Gorodkin's sums over the table."""
    n = range(len(table))
    up = sum(table[k][k] * table[l][m] - table[k][l] * table[m][k] for k in n for l in n for m in n)
    down = [sum(sum(t[k]) * sum(sum(t[j]) for j in n if j != k) for k in n) for t in (table, list(zip(*table)))]
    whole = [sum(sum(t[k]) * (sum(map(sum, t)) - sum(t[k])) for k in n) for t in (table, list(zip(*table)))]
    assert down == whole
    return up / math.sqrt(down[0] * down[1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
