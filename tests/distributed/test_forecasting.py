"""Forecasting: the same training at any world size, figures as numpy and PyTorch have them, tables continued."""

import csv
import json
import math
import random
import unittest

from support import Workshop, run

HISTORY, HORIZON, SEASON = 20, 3, 6
MODEL = ["task=forecasting", "model.hidden_size=8", "model.dropout=0.2", f"model.season={SEASON}",
         "model.linear_lags=10", "model.calendar_harmonics=3", "model.quantiles=[0.1,0.5,0.9]", "batch.size=14",
         "evaluate.batch_size=9", "optimizer.learning_rate=0.01"]


class Forecasting(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Workshop()
        cls.addClassCleanup(cls.shop.close)
        generator = random.Random(2)
        cls.rows = [["date", "a", "b", "c"]]
        level = 0.0
        for hour in range(430):
            level = 0.9 * level + generator.gauss(0, 1)
            wave = math.sin(2 * math.pi * hour / 24)
            values = [50 + 5 * wave + 2 * level, 300 * wave * wave + 20 * level + generator.gauss(0, 10), level]
            cells = ["" if i > 0 and generator.random() < 0.1 and hour < 390 else f"{v:.5f}" for i, v in enumerate(values)]
            cls.rows.append([f"2021-03-{1 + hour // 24:02} {hour % 24:02}:00:00", *cells])
        cls.table = cls.write("table.csv", cls.rows)
        cls.data = {}
        for missing in ("mask", "forward"):
            cls.data[missing] = cls.shop.root / missing
            run(["data", "import", "series", cls.table, "--date-column", "date", "--targets", "a,b", "--missing", missing,
                 "--history", HISTORY, "--horizon", HORIZON, "--calendar", "hour", "--split", "0.7,0.1,0.2",
                 "--out", cls.data[missing]])

    @classmethod
    def write(cls, name, rows):
        path = cls.shop.root / name
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(rows)
        return path

    def train(self, name, *overrides, ranks=1, data="mask", expect=0):
        return self.shop.train(name, f"data.path={self.data[data]}", *MODEL, *overrides, ranks=ranks, expect=expect)

    def test_losses_agree_on_1_2_3_and_4_ranks(self):
        for kind, worlds, extra in (("apart", (1, 2, 4), []),
                                    ("joint", (1, 2), ["model.joint_channels=true", "model.forecast_loss=huber"]),
                                    ("decoded", (1, 3), ["model.forecast_decoder=lstm", "model.num_layers=2"]),
                                    ("both", (1, 2), ["model.forecast_decoder=lstm", "model.joint_channels=true"])):
            for ranks in worlds:
                result = self.train(f"{kind}{ranks}", *extra, "train.steps=24", ranks=ranks)
                self.assertEqual(result["world_size"], ranks)
            self.shop.assert_same_losses(self, [f"{kind}{ranks}" for ranks in worlds])

    def test_bits_agree_with_lanes_and_after_stops(self):
        settings = ["reproducible=true", "lanes=4", "checkpoint.every=100"]
        whole = self.train("whole", *settings, "train.steps=22")
        self.assertEqual(self.train("bits4", *settings, "train.steps=22", ranks=4)["parameters_sha256"],
                         whole["parameters_sha256"])
        for ranks, steps in ((2, 5), (1, 22)):
            moved = self.train("moved", *settings, f"train.steps={steps}", ranks=ranks)
        self.assertEqual(moved["parameters_sha256"], whole["parameters_sha256"])

    def test_figures_are_the_references(self):
        for data, decoder in (("mask", "direct"), ("forward", "lstm")):
            self.train(f"judged-{data}", "train.epochs=3", f"model.forecast_decoder={decoder}", data=data)
            figures, reports = zip(*(self.shop.figures(f"judged-{data}", ranks=ranks) for ranks in (1, 3)))
            self.assertEqual(figures[0], figures[1])
            want = Reference(self.shop.root / f"judged-{data}", self.data[data]).figures()
            self.assertEqual(sorted(want), sorted(set(reports[0]) & set(want)))
            for name, value in want.items():
                self.assertAlmostEqual(reports[0][name], value, delta=3e-4 * max(1, abs(value)), msg=f"{data} {name}")
            self.assertLess(reports[0]["mse"], reports[0]["persistence_mse"])

    def test_tables_are_continued_as_the_test_windows_are(self):
        self.train("asked", "train.epochs=1")
        done = run(["predict", self.shop.root / "asked", "--data", self.data["mask"], "--split", "test"])
        last = json.loads(done.stdout.splitlines()[-1])
        cut = self.write("cut.csv", self.rows[:-HORIZON])
        run(["predict", self.shop.root / "asked", "--input", cut, "--output", self.shop.root / "next.csv"])
        with (self.shop.root / "next.csv").open() as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["date"] for row in rows], [row[0] for row in self.rows[-HORIZON:]])
        for h, row in enumerate(rows):
            for k, name in enumerate("ab"):
                self.assertAlmostEqual(float(row[name]), last["forecast"][h][k], delta=1e-3)
                for quantile in ("0.1", "0.5", "0.9"):
                    self.assertAlmostEqual(float(row[f"{name}:{quantile}"]), last["quantiles"][quantile][h][k], delta=1e-3)

    def test_bad_input_is_refused(self):
        self.train("small", "train.steps=1")
        for rows, code, part in ((self.rows[:HISTORY], 65, "19 rows"), ([["date", "a", "b"], ["2021-01-01", 1, 2]], 64, 'no column "c"'),
                                 ([row[1:] for row in self.rows], 64, "no column of dates")):
            done = run(["predict", self.shop.root / "small", "--input", self.write("bad.csv", rows)], expect=code)
            self.assertIn(part, done.stderr)
        self.assertIn("--input", run(["predict", self.shop.root / "small"], expect=64, input="").stderr)
        for override, part in (("model.season=21", "longer --history"), ("model.quantiles=[0.9,0.1]", "model.quantiles")):
            self.assertIn(part, self.train("bad", override, expect=78).stderr)
        self.assertIn("import series", self.shop.train("other", *MODEL, expect=78).stderr)


class Reference:
    """Ridge by numpy, the network by PyTorch with the weights of a checkpoint, figures one by one."""

    def __init__(self, folder, data):
        import h5py
        import numpy
        import torch
        from safetensors.torch import load_file
        self.np, self.torch = numpy, torch
        self.weights = load_file(sorted((folder / "checkpoints").glob("step-*"))[-1] / "model.safetensors")
        self.manifest = json.loads((data / "manifest.json").read_text())
        self.masked = self.manifest["series"]["missing"] == "mask"
        self.windows = {}
        for split in ("train", "test"):
            with h5py.File(data / f"{split}-00000.h5") as file:
                inputs = file["inputs"][:].reshape(-1, HISTORY, file["inputs"].shape[1])
                future = file["targets/data/future"][:].reshape(-1, HORIZON, 2)
                known = file["targets/data/known"][:].reshape(-1, HORIZON, 2)
            self.windows[split] = inputs, future, known

    def values(self, inputs):
        """The targets' values; a missing one is the one before."""
        values = inputs[:, :, :2].astype("float64").copy()
        for t in range(1, HISTORY if self.masked else 0):
            gone = inputs[:, t, 3:5] < 0.5
            values[:, t][gone] = values[:, t - 1][gone]
        return values

    def features(self, values, known, harmonics):
        np = self.np
        parts = [values[:, -10:-1] - values[:, -1:]]
        if harmonics:
            angle = np.arctan2(known[:, 0, 0], known[:, 0, 1]).astype("float64")
            waves = np.stack([f(i * angle) for i in range(1, harmonics + 1) for f in (np.sin, np.cos)], 1)
            parts.append(np.repeat(waves[:, :, None], 2, 2))
        parts.append(np.ones_like(values[:, :1]))
        return np.concatenate(parts, 1)

    def ridge(self, split, harmonics):
        np = self.np
        inputs, future, known = self.windows["train"]
        values = self.values(inputs)
        x, change = self.features(values, known, harmonics), future - values[:, -1:]
        own_inputs, _, own_known = self.windows[split]
        own = self.values(own_inputs)
        own_x, result = self.features(own, own_known, harmonics), np.empty(self.windows[split][1].shape)
        for k in range(2):
            squares = x[:, :, k].T @ x[:, :, k] + 0.01 * len(x) * np.eye(x.shape[1])
            weight = np.linalg.solve(squares, x[:, :, k].T @ change[:, :, k])
            result[:, :, k] = own[:, -1:, k] + own_x[:, :, k] @ weight
        return result

    def network(self):
        """The point forecast and the quantiles of the test windows, each [windows, horizon, 2]."""
        np, torch, weights = self.np, self.torch, self.weights
        inputs, _, known = self.windows["test"]
        values = self.values(inputs)
        lstm = torch.nn.LSTM(weights["lstm.weight_ih_l0"].shape[1], 8)
        lstm.load_state_dict({k[len("lstm."):]: v for k, v in weights.items() if k.startswith("lstm.")})
        residual = self.windows["train"][1] - self.ridge("train", 3)
        base, outputs = self.ridge("test", 3), np.empty((4, *self.windows["test"][1].shape))
        for k in range(2):
            parts = [values[:, :, k] - values[:, -1:, k], values[:, :, k]]
            if self.masked:
                parts += [inputs[:, :, 3 + k], inputs[:, :, 6 + k]]
            parts += [inputs[:, :, -2], inputs[:, :, -1]]
            parts += [np.full(values.shape[:2], v) for v in weights["channel_weight"][k].tolist()]
            with torch.no_grad():
                y, _ = lstm(torch.tensor(np.stack(parts, 2).astype("float32")).transpose(0, 1))
                if "decoder.bridge.weight" in weights:
                    head = self.decoded(y[-1], base[:, :, k] - values[:, -1:, k], weights["channel_weight"][k], known)
                else:
                    head = torch.cat([y[-1], torch.tensor(known.reshape(len(known), -1))], 1)
                change = (head @ weights["output.weight"].T + weights["output.bias"]).view(-1, HORIZON, 4)
            for q in range(4):
                offset = 0 if q == 0 else np.sort(residual[:, :, k], 0)[math.ceil((0.1, 0.5, 0.9)[q - 1] * len(residual)) - 1]
                outputs[q, :, :, k] = base[:, :, k] + offset + change[:, :, q].numpy()
        return outputs

    def decoded(self, summary, ahead, channel, known):
        """What the decoder makes of each step, [windows, horizon, 8]."""
        np, torch, weights = self.np, self.torch, self.weights
        lstm = torch.nn.LSTM(weights["decoder.lstm.weight_ih_l0"].shape[1], 8, batch_first=True)
        lstm.load_state_dict({k[len("decoder.lstm."):]: v for k, v in weights.items() if k.startswith("decoder.lstm.")})
        states = (summary @ weights["decoder.bridge.weight"].T + weights["decoder.bridge.bias"]).tanh()
        begin = tuple(state.unsqueeze(0).contiguous() for state in states.chunk(2, 1))
        steps = [ahead[:, :, None], np.broadcast_to(channel.numpy(), (*ahead.shape, 4)), known]
        return lstm(torch.tensor(np.concatenate(steps, 2).astype("float32")), begin)[0]

    def figures(self):
        np = self.np
        _, future, _ = self.windows["test"]
        values = self.values(self.windows["test"][0])
        scaling = self.manifest["scaling"]["future"]
        mean, deviation = np.array(scaling["mean"]), np.array(scaling["deviation"])
        outputs = self.network()
        forecasts = {"": outputs[0], "ridge_": self.ridge("test", 0),
                     "persistence_": np.repeat(values[:, -1:], HORIZON, 1), "seasonal_": values[:, -SEASON:-SEASON + HORIZON]}
        seasonal = np.abs(values[:, SEASON:] - values[:, :-SEASON]).mean(1)
        true = future * deviation + mean
        figures = {}
        for name, forecast in forecasts.items():
            error, real = np.abs(forecast - future), forecast * deviation + mean
            figures[f"{name}mse"], figures[f"{name}mae"] = (error ** 2).mean(), error.mean()
            last = true[:, -1]
            figures[f"{name}rse"] = math.sqrt(((real[:, -1] - last) ** 2).sum() / ((last - last.mean()) ** 2).sum())
            figures[f"{name}smape"] = (2 * np.abs(real - true) / (np.abs(real) + np.abs(true))).mean()
            figures[f"{name}mase"] = (error / seasonal[:, None]).mean()
        above = [future - outputs[q] for q in (1, 2, 3)]
        figures["pinball"] = sum(np.maximum(p * d, (p - 1) * d).mean() for p, d in zip((0.1, 0.5, 0.9), above))
        figures["coverage"] = ((above[0] >= 0) & (above[2] <= 0)).mean()
        figures["width"] = (outputs[3] - outputs[1]).mean()
        figures["loss"] = figures["mse"] + figures["pinball"]
        return figures


if __name__ == "__main__":
    unittest.main(verbosity=2)
