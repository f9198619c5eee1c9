"""Likes from histories and texts: nothing of the future, the same training at any world size, figures as a reference in Python."""

import collections
import csv
import json
import math
import random
import unittest

from support import Workshop, run

MODEL = ["task=like_prediction", "model.item_text=true", "model.embedding_size=6", "model.hidden_size=8", "model.bidirectional=true", "batch.size=14",
         "batch.window=3", "evaluate.batch_size=9", "optimizer.learning_rate=0.02"]
WORDS = "red blue night day house river king queen war love robot dream".split()
GENRES = ["drama", "comedy", "war", "space"]
FEATURES = ["user_events", "user_liked", "user_leaning", "item_events", "item_liked", "item_leaning", "category_liked",
            "category_leaning", "category_highest", "category_lowest", "since_last", "since_first", "year"]


def write_tables(folder):
    """50 items and 60 users who like some genres; new items come later."""
    generator = random.Random(5)
    items = [{"item": f"i{i}", "title": " ".join(generator.sample(WORDS, generator.randint(1, 4))).title() + "!",
              "genres": "|".join(generator.sample(GENRES, generator.randint(1, 2))), "year": str(1990 + i % 9) if i % 7 else ""}
             for i in range(50)]
    rows = []
    for user in range(60):
        tastes = {genre: generator.gauss(0, 2) for genre in GENRES}
        begin = generator.randint(0, 50) * 1000
        for k, item in enumerate(generator.sample(items[:30 + begin // 2500], generator.randint(3, 20))):
            score = sum(tastes[genre] for genre in item["genres"].split("|")) + generator.gauss(0, 1)
            rows.append({"user": f"u{user}", "item": item["item"], "time": begin + k * generator.randint(1, 40),
                         "rating": max(1, min(5, round(3 + score)))})
    generator.shuffle(rows)
    for name, table in (("items", items), ("events", rows)):
        with open(folder / f"{name}.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, table[0].keys())
            writer.writeheader()
            writer.writerows(table)
    return items, rows


class Likes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Workshop()
        cls.addClassCleanup(cls.shop.close)
        cls.items, cls.rows = write_tables(cls.shop.root)
        cls.data = cls.shop.root / "likes"
        cls.load("likes", "--items", cls.shop.root / "items.csv", "--text-columns", "title,genres", "--category-column", "genres",
                 "--category-separator", "|", "--number-columns", "year")

    @classmethod
    def load(cls, name, *options, expect=0):
        return run(["data", "import", "likes", cls.shop.root / "events.csv", "--like-from", "4", "--split", "0.7,0.1,0.2",
                    "--history", "6", "--judged", "5", *options, "--out", cls.shop.root / name], expect=expect)

    def train(self, name, *overrides, ranks=1, data="likes", expect=0):
        return self.shop.train(name, f"data.path={self.shop.root / data}", *MODEL, *overrides, ranks=ranks, expect=expect)

    def test_losses_agree_on_1_2_3_and_4_ranks(self):
        kinds = {"all": [], "text": ["model.item_ids=false", "model.item_features=false"], "ids": ["model.item_text=false"]}
        for kind, extra in kinds.items():
            for ranks in (1, 2, 3, 4) if kind == "all" else (1, 3):
                self.train(f"{kind}{ranks}", *extra, "model.dropout=0.2", "model.symbol_dropout=0.1", "train.steps=20", ranks=ranks)
            self.shop.assert_same_losses(self, [f"{kind}{ranks}" for ranks in ((1, 2, 3, 4) if kind == "all" else (1, 3))])

    def test_bits_agree_with_lanes_and_after_stops(self):
        settings = ["reproducible=true", "lanes=4", "model.dropout=0.2"]
        whole = self.train("bits", *settings, "train.steps=22")
        for ranks, steps in ((2, 5), (4, 22)):
            moved = self.train("moved", *settings, f"train.steps={steps}", ranks=ranks)
        self.assertEqual(moved["parameters_sha256"], whole["parameters_sha256"])

    def test_features_are_of_the_past_and_every_event_is_judged_once(self):
        reference = Reference(self.items, self.rows)
        judged = collections.Counter()
        for split, sequences in self.sequences().items():
            for items, features, is_judged, liked in sequences:
                self.assertLessEqual(is_judged.index(1), 6)
                self.assertLessEqual(sum(is_judged), 5)
                for item, row, judge, like in zip(items, features, is_judged, liked):
                    want = [event for event in reference.events if event["item"] == item and event["liked"] == like
                            and max(abs(a - b) for a, b in zip(event["features"], row)) < 2e-4]
                    self.assertTrue(want, (item, row))
                    if judge:
                        judged[split, item] += 1
        want = collections.Counter((event["split"], event["item"]) for event in reference.events)
        self.assertEqual(judged, want)

    def sequences(self):
        """By split: items, raw features, judged and liked of each sequence."""
        import h5py
        manifest = json.loads((self.data / "manifest.json").read_text())
        labels, scaling = manifest["streams"][0]["labels"], manifest["scaling"]["features"]
        self.assertEqual(scaling["names"], FEATURES)
        splits = {}
        for split in ("train", "validation", "test"):
            with h5py.File(self.data / f"{split}-00000.h5") as file:
                features = file["targets/data/features"][:] * scaling["deviation"] + scaling["mean"]
                streams = [file["inputs"][:], features, file["targets/data/judged"][:], file["targets/data/liked"][:]]
                begin, splits[split] = 0, []
                for length in file["seqLengths"][:, 0]:
                    items, *others = (stream[begin:begin + length].tolist() for stream in streams)
                    splits[split].append(([labels[i] for i in items], *others))
                    begin += int(length)
        return splits

    def test_figures_are_the_references_at_any_world_size(self):
        self.train("judged", "train.epochs=10")
        figures, reports = zip(*(self.shop.figures("judged", ranks=ranks) for ranks in (1, 2, 3)))
        self.assertEqual(figures[0], figures[1])
        self.assertEqual(figures[0], figures[2])
        network = Network(self.shop.root / "judged", self.data)
        scores, popular, means, right = [], [], [], []
        for items, features, judged, liked in self.sequences()["test"]:
            odds = network.log_odds(items, liked, features)
            for t in (t for t, judge in enumerate(judged) if judge):
                scores.append(odds[t])
                popular.append(features[t][3])
                means.append(sum(1 / (1 + math.exp(-features[t][k])) for k in (1, 4)))
                right.append(liked[t])
        loss = math.fsum(math.log1p(math.exp(-score if like else score)) for score, like in zip(scores, right)) / len(right)
        self.assertAlmostEqual(reports[0]["loss"], loss, delta=2e-5)
        for name, values in (("auc", scores), ("popularity_auc", popular), ("means_auc", means)):
            self.assertAlmostEqual(reports[0][name], area(values, right), delta=4e-3, msg=name)
        self.assertGreater(reports[0]["auc"], reports[0]["popularity_auc"])
        answers = [json.loads(line) for line in run(["predict", self.shop.root / "judged", "--data", self.data, "--split", "test"])
                   .stdout.splitlines()]
        flat = [p for answer in answers for p in answer["probabilities"]]
        for probability, score in zip(flat, scores):
            self.assertAlmostEqual(probability, 1 / (1 + math.exp(-score)), delta=1e-5)

    def test_predict_ranks_candidates(self):
        self.train("asked", "train.epochs=3")
        network = Network(self.shop.root / "asked", self.data)
        history = [{"item": "i3", "liked": True, "time": 1000}, {"item": "i9", "liked": False, "time": 1010}]
        lines = [{"history": history, "candidates": ["i1", "never", "i2", "i30"], "time": 1100, "id": "x"},
                 {"history": [], "top": 4}, {"history": [{"item": "i3"}]}, {"history": history, "candidates": ["never"]},
                 {"candidates": ["i1"]}, {"history": history, "top": 0}]
        done = run(["predict", self.shop.root / "asked"], expect=65, input="\n".join(map(json.dumps, lines)) + "\n")
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        likes = network.manifest["likes"]
        user = User()
        for event in history:
            user.add(event["item"], event["time"], event["liked"], network, likes)
        odds = {}
        for item in ("i1", "i2", "i30"):
            row = user.features(item, 1100, network, likes)
            odds[item] = network.log_odds(["i3", "i9", item], [1, 0, 0], [row] * 3)[2]
        self.assertEqual(answers[0]["id"], "x")
        self.assertEqual(answers[0]["items"], sorted(odds, key=odds.get, reverse=True))
        for item, probability in zip(answers[0]["items"], answers[0]["probabilities"]):
            self.assertAlmostEqual(probability, 1 / (1 + math.exp(-odds[item])), delta=1e-4)
        self.assertEqual(answers[0]["unknown"], ["never"])
        self.assertEqual(len(answers[1]["items"]), 4)
        self.assertTrue(all("error" in answer for answer in answers[2:]))
        more = [{"history": [{"item": f"i{i}", "liked": i % 2 == 0, "time": 900 + i} for i in range(size)], "time": 2000, "top": 3,
                 "candidates": [f"i{i}" for i in range(1 + 2 * size)]} for size in (5, 0, 2, 9)]
        self.shop.assert_batches_agree(self, "asked", [*lines, *more])

    def test_what_does_not_fit_is_refused(self):
        self.load("bare")
        self.assertIn("have no texts", self.train("bad", data="bare", expect=78).stderr)
        self.train("bare_run", "model.item_text=false", "train.steps=2", data="bare")
        self.assertIn("nothing is known", self.train("bad", "model.item_text=false", "model.item_ids=false", expect=78).stderr)
        self.assertIn("import likes", self.shop.train("bad", *MODEL, expect=78).stderr)
        self.load("bad", "--text-columns", "title", expect=64)
        (self.shop.root / "broken.csv").write_text("user,item,time,rating\nu,i,yesterday,5\nu,i,5,many\n")
        done = run(["data", "import", "likes", self.shop.root / "broken.csv", "--out", self.shop.root / "bad"], expect=65)
        self.assertIn("broken.csv:2", done.stderr)


def area(scores, right):
    """Area under the receiver's curve, by its definition."""
    good = [score for score, like in zip(scores, right) if like]
    bad = [score for score, like in zip(scores, right) if not like]
    return sum((g > b) + 0.5 * (g == b) for g in good for b in bad) / (len(good) * len(bad))


def smoothed(total, events, expected, prior):
    return (total + prior * expected) / (events + prior)


def log_odds(share):
    share = min(max(share, 1e-3), 1 - 1e-3)
    return math.log(share / (1 - share))


def features_of(everything, user, categories, item_sums, seconds, since):
    """Sums are (events, liked, leaning)."""
    overall = smoothed(everything[1], everything[0], 0.5, 5)
    share = smoothed(user[1], user[0], overall, 5)
    known = [(smoothed(c[1], c[0], share, 3), smoothed(c[2], c[0], 0, 3)) for c in categories]
    mean = lambda values, nothing: sum(values) / len(values) if values else nothing
    leanings = [lean for _, lean in known]
    waited = [math.log1p(seconds - then) if user[0] else 0 for then in since]
    return [math.log1p(user[0]), log_odds(share), smoothed(user[2], user[0], 0, 5), math.log1p(item_sums[0]),
            log_odds(smoothed(item_sums[1], item_sums[0], overall, 5)), smoothed(item_sums[2], item_sums[0], 0, 5),
            mean([liked for liked, _ in known], share), mean(leanings, 0), max(leanings, default=0), min(leanings, default=0), *waited]


class Reference:
    """Splits and features of all events, from the tables."""

    def __init__(self, items, rows):
        genres = {item["item"]: item["genres"].split("|") for item in items}
        years = {item["item"]: float(item["year"] or "nan") for item in items}
        order = sorted(range(len(rows)), key=lambda i: rows[i]["time"])
        self.events, times = [], [rows[i]["time"] for i in order]
        zero = lambda: [0.0, 0.0, 0.0]
        everything, users, of_items = zero(), collections.defaultdict(zero), collections.defaultdict(zero)
        categories, when = collections.defaultdict(zero), {}
        splits = self.splits(times)
        train_years = [years[rows[i]["item"]] for i, split in zip(order, splits) if split == "train"]
        known = [year for year in train_years if not math.isnan(year)]
        for i, split in zip(order, splits):
            row = rows[i]
            user, item, time, liked = row["user"], row["item"], row["time"], int(row["rating"] >= 4)
            kinds = genres[item]
            first, last = when.get(user, (time, time))
            features = features_of(everything, users[user], [categories[user, kind] for kind in kinds], of_items[item], time,
                                   (last, first))
            year = years[item]
            features.append(sum(known) / len(known) if math.isnan(year) else year)
            self.events.append({"item": item, "liked": liked, "features": features, "split": split})
            overall = smoothed(everything[1], everything[0], 0.5, 5)
            user_share = smoothed(users[user][1], users[user][0], overall, 5)
            surprise = liked - smoothed(of_items[item][1], of_items[item][0], overall, 5)
            usual = smoothed(users[user][2], users[user][0], 0, 5)
            for sums, lean in ((everything, 0), (users[user], surprise), (of_items[item], liked - user_share),
                               *((categories[user, kind], surprise - usual) for kind in kinds)):
                sums[0] += 1
                sums[1] += liked
                sums[2] += lean
            when[user] = (first, time)

    @staticmethod
    def splits(times):
        """Shares by largest remainders; events of one time stay together, with the earlier ones."""
        shares = {"train": 0.7, "validation": 0.1, "test": 0.2}
        parts = {name: math.floor(len(times) * share + 1e-9) for name, share in shares.items()}
        by_remainder = sorted(shares, key=lambda name: parts[name] - len(times) * shares[name])
        for name in by_remainder[:len(times) - sum(parts.values())]:
            parts[name] += 1
        names = [name for name, count in parts.items() for _ in range(count)]
        return [names[times.index(time)] for time in times]


class User:
    """The sums of one user while a history is read; those of items are the manifest's."""

    def __init__(self):
        self.sums, self.categories, self.times = [0.0] * 3, collections.defaultdict(lambda: [0.0] * 3), []

    def features(self, item, time, network, likes):
        number = network.number[item]
        kinds = [self.categories[kind] for kind in likes["item_categories"][number]]
        since = (self.times[-1], self.times[0]) if self.times else (time, time)
        return features_of(likes["all"], self.sums, kinds, likes["item_sums"][number], time, since) + likes["item_numbers"][number]

    def add(self, item, time, liked, network, likes):
        number = network.number[item]
        overall = smoothed(likes["all"][1], likes["all"][0], 0.5, 5)
        of_item = likes["item_sums"][number]
        surprise = liked - smoothed(of_item[1], of_item[0], overall, 5)
        usual = smoothed(self.sums[2], self.sums[0], 0, 5)
        for sums, lean in ((self.sums, surprise), *((self.categories[k], surprise - usual) for k in likes["item_categories"][number])):
            sums[0] += 1
            sums[1] += liked
            sums[2] += lean
        self.times.append(time)


class Network:
    """The same network in PyTorch with the weights of a checkpoint."""

    def __init__(self, folder, data):
        import re
        import torch
        from safetensors.torch import load_file
        self.torch = torch
        self.w = load_file(sorted((folder / "checkpoints").glob("step-*"))[-1] / "model.safetensors")
        self.manifest = json.loads((data / "manifest.json").read_text())
        self.number = {label: i for i, label in enumerate(self.manifest["streams"][0]["labels"])}
        texts = [re.findall(r"\w+|[^\w\s]", text.lower()) for text in self.manifest["symbol_texts"]["inputs"]]
        counts = collections.Counter(word for text in texts for word in text)
        words = {word: i for i, word in enumerate(["<unk>", *sorted(counts, key=lambda word: (-counts[word], word))])}
        self.texts = [[words[word] for word in text] or [0] for text in texts]
        self.reader = self.lstm("text.lstm", 6, bidirectional=True)
        self.history = self.lstm("history", 16 + 6 + 1)

    def lstm(self, name, size, **options):
        layer = self.torch.nn.LSTM(size, 8, **options)
        layer.load_state_dict({k[len(name) + 1:]: v for k, v in self.w.items() if k.startswith(name + ".")})
        return layer

    def vector(self, item):
        torch, number = self.torch, self.number.get(item, 0)
        y, _ = self.reader(self.w["text.word_embedding_weight"][self.texts[number]].unsqueeze(1))
        known = 0 < number <= self.manifest["likes"]["known_items"]
        return torch.cat([y.squeeze(1).max(0).values, self.w["item_embedding_weight"][number] * known])

    def log_odds(self, items, liked, features):
        torch, w = self.torch, self.w
        scaling = self.manifest["scaling"]["features"]
        with torch.no_grad():
            vectors = torch.stack([self.vector(item) for item in items])
            said = 2 * torch.tensor(liked, dtype=torch.float32).unsqueeze(1) - 1
            events = torch.cat([vectors, said], 1)
            earlier = torch.cat([torch.zeros_like(events[:1]), events[:-1]])
            before = self.history(earlier.unsqueeze(1))[0].squeeze(1)
            scaled = (torch.tensor(features, dtype=torch.float64) - torch.tensor(scaling["mean"])) / torch.tensor(scaling["deviation"])
            joined = torch.cat([before, vectors, scaled.float()], 1) @ w["joined.weight"].T + w["joined.bias"]
            score = joined.relu() @ w["score.weight"].T + w["score.bias"]
            match = ((before @ w["match.weight"].T + w["match.bias"]) * vectors).sum(1) / math.sqrt(vectors.shape[1])
            return (score.squeeze(1) + match).tolist()


if __name__ == "__main__":
    unittest.main(verbosity=2)
