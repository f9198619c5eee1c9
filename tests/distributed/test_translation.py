"""Translation and captions: the same training at any world size, BLEU as sacrebleu's, answers as a search in PyTorch gives."""

import json
import math
import random
import unittest

from support import Workshop, run

MODEL = ["model.embedding_size=16", "model.hidden_size=16", "model.bidirectional=true", "model.dropout=0.2",
         "model.label_smoothing=0.1", "batch.size=14", "batch.window=4", "optimizer.learning_rate=0.02",
         "evaluate.batch_size=9", "train.log_every=1", "model.beam_size=3"]
WORDS = {"eins": "one", "zwei": "two", "drei": "three", "rot": "red", "blau": "blue", "haus": "house", "hund": "dog", "und": "and"}


def pairs(count, seed):
    """Word by word, but that a colour comes behind its noun in the source."""
    generator = random.Random(seed)
    for _ in range(count):
        source, target = [], []
        for _ in range(generator.randrange(1, 4)):
            number, colour, noun = (generator.choice(words) for words in (["eins", "zwei", "drei"], ["rot", "blau"], ["haus", "hund"]))
            source += [number, noun, colour, "und"]
            target += [WORDS[number], WORDS[colour], WORDS[noun], "and"]
        if generator.random() < 0.1:
            source[0] = target[0] = f"name{generator.randrange(1000)}"
        yield " ".join(source[:-1]), " ".join(target[:-1])


class Translation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Workshop()
        cls.addClassCleanup(cls.shop.close)
        cls.text = {}
        options = []
        for split, count in (("train", 240), ("test", 50)):
            cls.text[split] = list(pairs(count, len(split)))
            for side, column in (("source", 0), ("target", 1)):
                file = cls.shop.root / f"{split}.{side}"
                file.write_text("".join(pair[column] + "\n" for pair in cls.text[split]))
                options += [f"--{split}-{side}", file]
        for name, more in (("words", ["--min-count", "2"]),
                           ("pieces", ["--tokens", "sentencepiece", "--vocabulary", "60", "--sentencepiece-model", "bpe"])):
            run(["data", "import", "parallel", *options, *more, "--out", cls.shop.root / f"{name}.data"])
        run(["data", "generate", "digit-strip", "--train", "60", "--test", "20", "--longest", "4", "--out", cls.shop.root / "strips.data"])

    def train(self, name, *overrides, ranks=1, data="words", task="translation", **options):
        return self.shop.train(name, f"data.path={self.shop.root / data}.data", *MODEL, f"task={task}", *overrides,
                               ranks=ranks, **options)

    def test_losses_agree_on_1_2_3_and_4_ranks(self):
        for kind in ("additive", "multiplicative"):
            for ranks in (1, 2, 3, 4):
                result = self.train(f"{kind}{ranks}", "train.steps=20", f"model.attention={kind}", "evaluate.decode=never",
                                    f"model.tied={'true' if kind == 'additive' else 'false'}", ranks=ranks)
                self.assertEqual(result["world_size"], ranks)
                self.assertNotIn("bleu", json.dumps(result))
            self.shop.assert_same_losses(self, [f"{kind}{ranks}" for ranks in (1, 2, 3, 4)])

    def test_bits_agree_with_lanes_and_when_continued(self):
        settings = ["train.steps=24", "reproducible=true", "lanes=4", "evaluate.decode=never"]
        whole = self.train("bits1", *settings)
        self.assertEqual(self.train("bits2", *settings, ranks=2)["parameters_sha256"], whole["parameters_sha256"])
        self.train("resumed", *settings, "train.steps=10", ranks=2)
        self.assertEqual(self.train("resumed", *settings, ranks=4)["parameters_sha256"], whole["parameters_sha256"])

    def test_captions_of_numbers(self):
        for ranks in (1, 3):
            self.train(f"captions{ranks}", "train.steps=12", "evaluate.decode=always", data="strips", task="captioning", ranks=ranks)
        self.shop.assert_same_losses(self, ["captions1", "captions3"])
        figures, reports = zip(*(self.shop.figures("captions1", ranks=ranks) for ranks in (1, 2)))
        self.assertEqual(figures[0], figures[1])
        self.assertIn("sequence_accuracy", reports[0])
        answers = self.answers("captions1", "--data", self.shop.root / "strips.data", "--attention")
        self.assertEqual(len(answers), 20)
        attention = answers[0]["attention"]
        self.assertEqual(len(attention["weights"]), len(attention["target"]))
        self.assertEqual(attention["target"][-1], "<end>")
        self.train("wrong", "train.steps=2", data="strips", expect=78)
        self.train("wrong", "train.steps=2", task="captioning", expect=78)

    def answers(self, name, *options, expect=0, **more):
        done = run(["predict", self.shop.root / name, *options], expect=expect, **more)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_bleu_is_sacrebleus_on_the_original_text(self):
        import sacrebleu
        references = [target for _, target in self.text["test"]]
        for data, steps in (("words", 60), ("words", 200), ("pieces", 250)):
            name = f"bleu_{data}{steps}"
            self.train(name, f"train.steps={steps}", data=data, ranks=2)
            figures, reports = zip(*(self.shop.figures(name, ranks=ranks) for ranks in (1, 3)))
            self.assertEqual(figures[0], figures[1])
            answers = self.answers(name, "--data", self.shop.root / f"{data}.data", "--batch-size", "9")
            written = [answer["text"] for answer in sorted(answers, key=lambda one: one["id"])]
            want = sacrebleu.corpus_bleu(written, [references], tokenize="none", force=True)
            self.assertAlmostEqual(reports[0]["bleu"], want.score, delta=0.01)
        self.assertGreater(sacrebleu.corpus_bleu(written, [references], tokenize="none").score, 20)

    def test_a_beam_as_wide_as_the_vocabulary_is_pytorchs_search(self):
        import torch
        from safetensors.torch import load_file
        self.train("searched", "train.steps=120", "model.attention=additive")
        newest = sorted((self.shop.root / "searched/checkpoints").glob("step-*"))[-1]
        weights = load_file(newest / "model.safetensors")
        manifest = json.loads((self.shop.root / "words.data/manifest.json").read_text())
        source_words, target_words = (manifest["streams"][i]["labels"] for i in (0, 1))
        text = "zwei haus rot und drei hund blau"
        source = [source_words.index(word) for word in [*text.split(), "<eos>"]]
        model = Reference(torch, weights, source)
        greedy = self.answers("searched", "--beam", "1", "--attention", input=text + "\n")[0]
        symbols, log_probability, attention = model.greedy(target_words.index("<eos>"))
        self.assertEqual(greedy["text"], " ".join(target_words[s] for s in symbols))
        self.assertAlmostEqual(greedy["score"], log_probability / ((5 + len(symbols) + 1) / 6), delta=1e-4)
        self.assertEqual(greedy["attention"]["source"], [source_words[s] for s in source])
        self.assertLess((torch.tensor(greedy["attention"]["weights"]) - attention).abs().max().item(), 1e-4)
        best = self.answers("searched", "--beam", "8", "--n-best", "8", input=json.dumps({"text": text, "id": "x"}) + "\n")[0]
        self.assertEqual(best["id"], "x")
        scores = [one["score"] for one in best["n_best"]]
        self.assertEqual(scores, sorted(scores, reverse=True))
        self.assertEqual(best["text"], best["n_best"][0]["text"])
        self.assertGreaterEqual(best["score"], greedy["score"] - 1e-5)
        self.assertEqual(len({one["text"] for one in best["n_best"]}), len(scores))
        for one in best["n_best"]:
            words = [target_words.index(word) for word in one["text"].split()] + [target_words.index("<eos>")]
            self.assertAlmostEqual(one["score"], model.log_probability(words) / ((5 + len(words)) / 6), delta=1e-4)

    def test_what_cannot_be_answered(self):
        self.train("asked", "train.steps=2")
        answers = self.answers("asked", expect=65, input='eins hund\n{"id": 3}\n{broken\n{"text": 7}\n')
        self.assertEqual(["error" in answer for answer in answers], [False, True, True, True])
        self.assertIn('"text" must be a text, not a number', answers[3]["error"])
        run(["predict", self.shop.root / "asked", "--n-best", "9"], expect=64, input="eins\n")
        self.train("wide", "train.steps=2", "model.tied=true", "model.embedding_size=8", expect=78)


class Reference:
    """The network for one source, in PyTorch."""

    def __init__(self, torch, weights, source):
        self.torch, self.weights = torch, weights
        encoder = self.lstm("encoder", 16, bidirectional=True)
        self.first, self.second = self.lstm("decoder_first", 16), self.lstm("decoder_second", 48)
        with torch.no_grad():
            y, (h, _) = encoder(weights["source_embedding_weight"][torch.tensor(source)].unsqueeze(1))
            self.values = y.squeeze(1)
            begin = torch.tanh(weights["bridge_weight"] @ h.reshape(-1) + weights["bridge_bias"]).view(2, 1, 1, 16)
        self.begin = [(half.contiguous(), torch.zeros(1, 1, 16)) for half in begin]

    def lstm(self, name, size, **options):
        layer = self.torch.nn.LSTM(size, 16, **options)
        layer.load_state_dict({k[len(name) + 1:]: v for k, v in self.weights.items() if k.startswith(name + ".")})
        return layer

    def run(self, previous):
        """Log-probabilities behind each symbol, and the attention's weights."""
        torch, weights = self.torch, self.weights
        with torch.no_grad():
            query, _ = self.first(weights["target_embedding_weight"][torch.tensor(previous)].unsqueeze(1), self.begin[0])
            key = self.values @ weights["attention.key_weight"].T
            asked = query.squeeze(1) @ weights["attention.query_weight"].T + weights["attention.query_bias"]
            scores = torch.tanh(asked.unsqueeze(1) + key.unsqueeze(0)) @ weights["attention.score_weight"]
            attention = scores.softmax(1)
            both = torch.cat([query, (attention @ self.values).unsqueeze(1)], 2)
            y, _ = self.second(both, self.begin[1])
            y = y + both @ weights["skip_weight"].T
            return (y.squeeze(1) @ weights["output_weight"].T + weights["output_bias"]).log_softmax(1), attention

    def greedy(self, end):
        symbols, total = [], 0.0
        while True:
            all_next, attention = self.run([end, *symbols])
            best = int(all_next[-1].argmax())
            total += all_next[-1][best].item()
            if best == end:
                return symbols, total, attention
            symbols.append(best)

    def log_probability(self, symbols):
        all_next, _ = self.run([symbols[-1], *symbols[:-1]])
        return math.fsum(all_next[i][symbol].item() for i, symbol in enumerate(symbols))


if __name__ == "__main__":
    unittest.main(verbosity=2)
