"""Language models: the same training at any world size with carried states, and figures as PyTorch's."""

import json
import math
import pathlib
import random
import unittest

from support import Workshop, run

SMALL_MODEL = ["task=language_model", "model.hidden_size=16", "model.num_layers=2", "model.tied=true",
               "model.dropout=0.1", "batch.size=12", "data.steps=7", "evaluate.batch_size=11",
               "optimizer.clip_norm=0.5", "optimizer.learning_rate=0.01"]


class LanguageModel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Workshop()
        cls.addClassCleanup(cls.shop.close)
        generator = random.Random(3)
        words = [f"w{i}" for i in range(20)]
        lines = [" ".join(generator.choices(words, weights=range(1, 21), k=generator.randint(0, 12)))
                 for _ in range(260)]
        text = cls.shop.root / "text.txt"
        text.write_text("\n".join(lines) + "\n")
        cls.data = cls.shop.root / "text"
        run(["data", "import", "lines", text, "--split", "0.7,0.1,0.2", "--tokens", "words", "--out", cls.data])

    def train(self, name, *overrides, ranks=1):
        return self.shop.train(name, f"data.path={self.data}", *SMALL_MODEL, *overrides, ranks=ranks)

    def test_losses_agree_on_1_2_3_and_4_ranks(self):
        """20 steps: beyond the end of an epoch, whose last batch has rows of different lengths."""
        for ranks in (1, 2, 3, 4):
            result = self.train(f"words{ranks}", "train.steps=20", ranks=ranks)
            self.assertEqual(result["world_size"], ranks)
            self.assertGreaterEqual(result["epochs"], 1)
        self.assertEqual(sorted(self.shop.losses("words1")), list(range(1, 21)))
        self.shop.assert_same_losses(self, [f"words{ranks}" for ranks in (1, 2, 3, 4)])

    def test_states_are_carried_through_stops_and_other_world_sizes_to_the_bit(self):
        settings = ["reproducible=true", "lanes=4", "checkpoint.every=100"]
        whole = self.train("whole", *settings, "train.steps=23")
        for ranks in (2, 4):
            self.assertEqual(self.train(f"bits{ranks}", *settings, "train.steps=23", ranks=ranks)
                             ["parameters_sha256"], whole["parameters_sha256"])
        for ranks, steps in ((1, 5), (4, 9), (2, 23)):  # an epoch has 14 steps: stopped within twice
            moved = self.train("moved", *settings, f"train.steps={steps}", ranks=ranks)
        self.assertEqual(moved["parameters_sha256"], whole["parameters_sha256"])
        self.assertEqual(self.shop.losses("moved"), self.shop.losses("whole"))

    def test_rows_of_the_embedding_travel_alone_and_give_the_same_bits(self):
        settings = ["model.tied=false", "data.steps=2", "train.steps=15", "communication.bucket_megabytes=0.001"]
        for extra in ([], ["reproducible=true", "lanes=4"], ["optimizer.sharded=true"]):
            for ranks in (2, 4):
                runs = [self.train(f"rows{len(extra)}{ranks}{by_rows}{''.join(extra)[:3]}", *settings, *extra,
                                   f"communication.row_sparse={by_rows}",
                                   f"communication.shared_memory={'true' if ranks == 4 else 'false'}", ranks=ranks)
                        for by_rows in ("true", "false")]
                self.assertEqual(runs[0]["parameters_sha256"], runs[1]["parameters_sha256"], (extra, ranks))
                self.assertEqual(runs[1]["row_exchanges"], 0)
                if ranks == 2:  # 22 words: on 4 ranks their rows together are longer than the matrix
                    self.assertGreater(runs[0]["row_exchanges"], 0)

    def test_half_of_the_bytes_change_the_loss_little(self):
        settings = ["train.steps=20", "communication.shared_memory=false"]
        for dtype in ("float32", "bfloat16"):
            self.train(dtype, *settings, f"communication.dtype={dtype}", ranks=2)
        self.assertNotEqual(self.shop.losses("float32"), self.shop.losses("bfloat16"))
        self.shop.assert_same_losses(self, ["float32", "bfloat16"], tolerance=0.01)

    def test_test_figures_agree_exactly_and_with_pytorch(self):
        self.train("judged", "train.steps=30")
        figures, reports = zip(*(self.shop.figures("judged", ranks=ranks) for ranks in (1, 2, 3)))
        self.assertEqual(figures[0], figures[1])
        self.assertEqual(figures[0], figures[2])
        report = reports[-1]
        peer = Peer(self.shop.root / "judged", self.data)
        self.assertAlmostEqual(report["loss"], peer.mean_loss("test", rows=11), delta=1e-5)
        self.assertAlmostEqual(report["perplexity"], math.exp(report["loss"]), delta=1e-6)

    def test_predict_scores_and_continues_lines(self):
        self.train("asked", "train.steps=10")
        lines = [{"text": "w19 w3 w18", "id": "scored"}, {"prompt": "w19", "length": 12, "seed": 7},
                 {"prompt": "w19", "length": 12, "seed": 7}, {"prompt": "w19", "length": 12, "seed": 8},
                 {"prompt": "", "length": 5, "temperature": 0}, {"prompt": "w1", "length": 50, "top_k": 1},
                 {"neither": 1}, {"prompt": "w1", "length": -3}]
        done = run(["predict", self.shop.root / "asked"], expect=65,
                   input="\n".join(map(json.dumps, lines)) + "\nnot json\n")
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(answers), 9)
        peer = Peer(self.shop.root / "asked", self.data)
        self.assertEqual(answers[0]["id"], "scored")
        self.assertEqual(answers[0]["tokens"], 4)
        self.assertAlmostEqual(answers[0]["loss"], peer.line_loss("w19 w3 w18"), delta=1e-4)
        self.assertEqual(answers[1]["text"], answers[2]["text"])
        self.assertNotEqual(answers[1]["text"], answers[3]["text"])
        self.assertEqual(len(answers[4]["text"].replace("\n", " \n ").split(" ")) > 0, True)
        self.assertTrue(all("error" in answer for answer in answers[6:]))
        self.shop.assert_batches_agree(self, "asked", [*lines, {"text": ""}, {"text": "w1 w2 w3 w4 w5 w6 w7"}, {"text": "w2"}])


class Peer:
    """The same network in PyTorch, with the weights of a checkpoint."""

    def __init__(self, folder, data):
        import h5py
        import torch
        from safetensors.torch import load_file
        self.torch, self.h5py, self.data = torch, h5py, pathlib.Path(data)
        newest = sorted((pathlib.Path(folder) / "checkpoints").glob("step-*"))[-1]
        weights = load_file(newest / "model.safetensors")
        self.embedding, self.bias = weights["embedding_weight"], weights["output_bias"]
        self.lstm = torch.nn.LSTM(16, 16, num_layers=2)
        self.lstm.load_state_dict({name[len("lstm."):]: value for name, value in weights.items()
                                   if name.startswith("lstm.")})
        manifest = json.loads((self.data / "manifest.json").read_text())
        self.labels = manifest["streams"][0]["labels"]

    def loss(self, symbols):
        """Sum over the predictions of each token from those before it."""
        torch = self.torch
        with torch.no_grad():
            y, _ = self.lstm(self.embedding[symbols[:-1]].unsqueeze(1))
            logits = y.squeeze(1) @ self.embedding.T + self.bias
            return torch.nn.functional.cross_entropy(logits, symbols[1:], reduction="sum").item()

    def mean_loss(self, split, rows):
        with self.h5py.File(self.data / f"{split}-00000.h5") as file:
            text = self.torch.tensor(file["inputs"][:].astype("int64"))
        count, total, begin = len(text) - 1, 0.0, 0
        for row in range(rows):
            size = count // rows + (1 if row < count % rows else 0)
            total += self.loss(text[begin:begin + size + 1])
            begin += size
        return total / count

    def line_loss(self, line):
        symbols = [self.labels.index(word) for word in ["<eos>", *line.split(), "<eos>"]]
        return self.loss(self.torch.tensor(symbols))


if __name__ == "__main__":
    unittest.main(verbosity=2)
