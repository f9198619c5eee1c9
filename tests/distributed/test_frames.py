"""Frames that follow and paths through maps: the same training at any world size, figures as their definitions."""

import base64
import hashlib
import json
import re
import struct
import unittest
import zlib

from support import Workshop, run

FRAMES = ["task=frame_prediction", "model.hidden_size=12", "model.num_layers=2", "batch.size=14",
          "optimizer.learning_rate=0.02", "evaluate.batch_size=9"]
PATHS = ["task=path_planning", "model.hidden_size=16", "model.embedding_size=8", "model.bidirectional=true", "model.beam_size=3",
         "batch.size=14", "optimizer.learning_rate=0.02", "evaluate.batch_size=9"]
STEPS = {"up": (-1, 0), "left": (0, -1), "right": (0, 1), "down": (1, 0)}


def write_frames(folder):
    """Waves of 2 to 12 steps of 6 numbers between 0 and 1, and the 1 to 5 steps that follow."""
    import h5py
    import numpy
    random = numpy.random.default_rng(4)
    folder.mkdir()
    splits = []
    for split, count in (("train", 130), ("test", 40)):
        lengths = numpy.stack([random.integers(2, 13, size=count), random.integers(1, 6, size=count)], axis=1)
        inputs, future = [], []
        for given, following in lengths:
            time = numpy.arange(given + following)[:, None] * random.uniform(0.2, 0.6) + random.uniform(0, 6) + numpy.arange(6)
            wave = 0.5 + 0.45 * numpy.sin(time)
            inputs.append(wave[:given])
            future.append(wave[given:])
        shard = folder / f"{split}-00000.h5"
        with h5py.File(shard, "w") as file:
            file.attrs["inputPattSize"] = 6
            file["inputs"] = numpy.concatenate(inputs).astype("float32")
            file["seqLengths"] = lengths.astype("int32")
            file["seqTags"] = numpy.array([f"sequence-{i}".encode() for i in range(count)])
            file["targets/data/future"] = numpy.concatenate(future).astype("float32")
            file.create_group("targets/size").attrs["future"] = (6, 2)
        splits.append({"name": split, "sequences": count, "shortest": int(lengths[:, 0].min()), "longest": int(lengths[:, 0].max()),
                       "shards": [{"file": shard.name, "sequences": count, "bytes": shard.stat().st_size,
                                   "sha256": hashlib.sha256(shard.read_bytes()).hexdigest(),
                                   "steps": [int(lengths[:, 0].sum()), int(lengths[:, 1].sum())]}]})
    stream = {"element": "f32", "features": 6, "num_classes": 0, "scale": 1.0, "offset": 0.0, "labels": []}
    (folder / "manifest.json").write_text(json.dumps({
        "format": "lockstep-dataset", "format_version": 1, "source": "made up",
        "streams": [{"name": "inputs", **stream}, {"name": "future", **stream}], "splits": splits}))


def read_png(data):
    """Width, height and rows of RGB bytes; checks every checksum."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at:at + 8])
        content = data[at + 8:at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0] == zlib.crc32(name + content)
        chunks[name], at = content, at + 12 + size
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    rows = zlib.decompress(chunks[b"IDAT"])
    assert len(rows) == height * (3 * width + 1)
    return width, height, [rows[y * (3 * width + 1) + 1:(y + 1) * (3 * width + 1)] for y in range(height)]


class Frames(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Workshop()
        cls.addClassCleanup(cls.shop.close)
        write_frames(cls.shop.root / "waves.data")
        run(["data", "generate", "grid-paths", "--side", "5", "--train", "200", "--test", "40", "--out", cls.shop.root / "maps.data"])

    def train(self, name, *overrides, model=FRAMES, data="waves", ranks=1, **options):
        return self.shop.train(name, f"data.path={self.shop.root / data}.data", *model, *overrides, ranks=ranks, **options)

    def answers(self, name, *options, **more):
        done = run(["predict", self.shop.root / name, *options], **more)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def pictures(self, name):
        """What the report shows: (words, picture) in their order."""
        page = (self.shop.root / name / "report.html").read_text()
        found = re.findall(r"<img alt='(\w+)' width='\d+' src='data:image/png;base64,([^']+)'", page)
        return [(shows, read_png(base64.b64decode(data))) for shows, data in found]

    def test_losses_agree_on_1_2_3_and_4_ranks(self):
        for loss in ("mse", "cross_entropy"):
            for ranks in (1, 2, 3, 4):
                result = self.train(f"{loss}{ranks}", f"model.frame_loss={loss}", "model.dropout=0.2", "train.steps=20", ranks=ranks)
                self.assertEqual(result["world_size"], ranks)
            self.shop.assert_same_losses(self, [f"{loss}{ranks}" for ranks in (1, 2, 3, 4)])

    def test_bits_agree_with_lanes_and_after_stops(self):
        settings = ["reproducible=true", "lanes=4", "model.dropout=0.2"]
        whole = self.train("bits", *settings, "train.steps=22")
        for ranks, steps in ((1, 5), (4, 22)):
            moved = self.train("moved", *settings, f"train.steps={steps}", ranks=ranks)
        self.assertEqual(moved["parameters_sha256"], whole["parameters_sha256"])

    def test_frames_and_figures_are_the_references(self):
        import h5py
        import numpy
        with h5py.File(self.shop.root / "waves.data/test-00000.h5") as file:
            lengths = file["seqLengths"][:]
            inputs = numpy.split(file["inputs"][:], lengths[:, 0].cumsum()[:-1])
            future = numpy.split(file["targets/data/future"][:], lengths[:, 1].cumsum()[:-1])
        for loss in ("mse", "cross_entropy"):
            self.train(f"judged_{loss}", f"model.frame_loss={loss}", "train.epochs=8")
            figures, reports = zip(*(self.shop.figures(f"judged_{loss}", ranks=ranks) for ranks in (1, 3)))
            self.assertEqual(figures[0], figures[1])
            reference = Reference(self.shop.root / f"judged_{loss}", loss)
            written = [reference.frames(x, len(y)) for x, y in zip(inputs, future)]
            answers = self.answers(f"judged_{loss}", "--data", self.shop.root / "waves.data", "--split", "test", "--batch-size", "7")
            for answer, want in zip(answers, written):
                self.assertLess(abs(numpy.array(answer["frames"]) - want).max(), 1e-4)
            errors = numpy.concatenate([a - b for a, b in zip(written, future)])
            self.assertAlmostEqual(reports[0]["mse"], (errors ** 2).mean(), delta=1e-5)
            self.assertAlmostEqual(reports[0]["mae"], abs(errors).mean(), delta=1e-5)
            for name, guess in (("last_frame_mse", lambda x: x[-1]), ("mean_frame_mse", lambda x: x.mean(axis=0))):
                floor = numpy.concatenate([guess(x) - y for x, y in zip(inputs, future)])
                self.assertAlmostEqual(reports[0][name], (floor ** 2).mean(), delta=1e-5)
            self.assertLess(reports[0]["mse"], 0.7 * min(reports[0]["last_frame_mse"], reports[0]["mean_frame_mse"]))
        shown = self.pictures("judged_mse")
        self.assertEqual([shows for shows, _ in shown[:3]], ["given", "followed", "predicted"])
        self.assertEqual(shown[1][1][:2], (lengths[0][1], 6))  # a column of pixels for a frame
        line = self.answers("judged_mse", input=json.dumps({"inputs": inputs[0].tolist(), "id": "x"}) + "\n")[0]
        self.assertEqual((line["id"], len(line["frames"])), ("x", 10))
        self.assertLess(abs(numpy.array(line["frames"][:1]) - Reference(self.shop.root / "judged_mse", "mse").frames(inputs[0], 10)[:1])
                        .max(), 1e-4)

    def test_paths_are_judged_by_walking_them(self):
        import h5py
        for ranks in (1, 3):
            self.train(f"paths{ranks}", "train.steps=12", model=PATHS, data="maps", ranks=ranks)
        self.shop.assert_same_losses(self, ["paths1", "paths3"])
        self.train("walked", "train.epochs=12", model=PATHS, data="maps", ranks=2)
        figures, reports = zip(*(self.shop.figures("walked", ranks=ranks) for ranks in (1, 3)))
        self.assertEqual(figures[0], figures[1])
        answers = self.answers("walked", "--data", self.shop.root / "maps.data", "--split", "test")
        with h5py.File(self.shop.root / "maps.data/test-00000.h5") as file:
            maps = file["inputs"][:].reshape(-1, 5, 3, 5)
            counts = file["seqLengths"][:, 1]
        want = dict.fromkeys(("valid_paths", "shortest_paths", "random_walk_valid", "random_walk_shortest", "straight_valid"), 0.0)
        for grid, count, answer in zip(maps, counts, answers):
            world = World(grid)
            moves = answer["text"].split()
            valid = world.walk(moves) == world.goal
            self.assertEqual(answer["valid"], valid)
            want["valid_paths"] += valid
            want["shortest_paths"] += valid and len(moves) == count
            want["random_walk_valid"] += world.random_walk(20)
            want["random_walk_shortest"] += world.random_walk(int(count))
            want["straight_valid"] += world.walk(world.straight()) == world.goal
        for name, total in want.items():
            self.assertAlmostEqual(reports[0][name], total / 40, delta=1e-5, msg=name)
        self.assertGreater(reports[0]["valid_paths"], reports[0]["random_walk_shortest"])
        self.train("possible", "train.steps=2", "model.possible_moves=true", model=PATHS, data="maps")
        report = self.shop.figures("possible", ranks=2)[1]
        answers = self.answers("possible", "--data", self.shop.root / "maps.data", "--split", "test")
        for grid, answer in zip(maps, answers):
            self.assertEqual(answer["valid"], World(grid).walk(answer["text"].split()) == World(grid).goal)
        self.assertAlmostEqual(report["valid_paths"], sum(answer["valid"] for answer in answers) / 40)
        self.assertGreater(report["valid_paths"], report["random_walk_valid"])
        shown = self.pictures("walked")
        self.assertEqual([shows for shows, _ in shown[:2]], ["written", "right"])
        width, height, rows = shown[1][1]
        goal = World(maps[0]).goal
        self.assertEqual((width, height), (5, 5))
        self.assertEqual(rows[goal[0]][3 * goal[1]:3 * goal[1] + 3], bytes((220, 70, 70)))

    def test_data_that_does_not_fit_is_refused(self):
        for task, data in (("frame_prediction", "maps"), ("path_planning", "waves")):
            done = self.train("bad", f"task={task}", data=data, expect=78)
            self.assertIn("this data set has none", done.stderr)
        self.assertIn("must not see", self.train("bad", "model.bidirectional=true", expect=78).stderr)
        self.train("asked", "train.steps=1")
        answers = self.answers("asked", input='{"inputs": [[1, 2]]}\n{}\n', expect=65)
        self.assertTrue(all("error" in answer for answer in answers))


class World:
    def __init__(self, grid):
        self.walls = grid[:, 0] > 0
        self.start, self.goal = (tuple(int(axis[0]) for axis in (grid[:, part] > 0).nonzero()) for part in (1, 2))

    def step(self, cell, move):
        row, column = cell[0] + STEPS[move][0], cell[1] + STEPS[move][1]
        inside = 0 <= row < 5 and 0 <= column < 5
        return (row, column) if inside and not self.walls[row, column] else None

    def walk(self, moves):
        cell = self.start
        for move in moves:
            cell = self.step(cell, move)
            if cell is None:
                return None
        return cell

    def straight(self):
        down, right = self.goal[0] - self.start[0], self.goal[1] - self.start[1]
        return ["down" if down > 0 else "up"] * abs(down) + ["right" if right > 0 else "left"] * abs(right)

    def random_walk(self, moves):
        here = {self.start: 1.0}
        for _ in range(moves):
            then = {}
            for cell, probability in here.items():
                ways = [next for next in (self.step(cell, move) for move in STEPS) if next]
                for way in [cell] if cell == self.goal or not ways else ways:
                    then[way] = then.get(way, 0) + probability / (1 if cell == self.goal or not ways else len(ways))
            here = then
        return here.get(self.goal, 0.0)


class Reference:
    """The network in PyTorch with the weights of a checkpoint."""

    def __init__(self, folder, loss):
        import torch
        from safetensors.torch import load_file
        self.torch, self.loss = torch, loss
        self.weights = load_file(sorted((folder / "checkpoints").glob("step-*"))[-1] / "model.safetensors")
        self.reader = self.lstm("reader", 6)
        self.writer = self.lstm("writer", 12)

    def lstm(self, name, size):
        layer = self.torch.nn.LSTM(size, 12, num_layers=2)
        layer.load_state_dict({k[len(name) + 1:]: v for k, v in self.weights.items() if k.startswith(name + ".")})
        return layer

    def frames(self, inputs, count):
        torch, w = self.torch, self.weights
        with torch.no_grad():
            x = torch.tensor(inputs)
            _, (h, _) = self.reader(x.unsqueeze(1))
            last = h[1, 0]
            begin = torch.tanh(w["bridge.weight"] @ last + w["bridge.bias"]).view(2, 2, 1, 12)
            y, _ = self.writer(last.expand(count, 1, 12), (begin[:, 0].contiguous(), begin[:, 1].contiguous()))
            frames = y.squeeze(1) @ w["output.weight"].T + w["output.bias"]
            return (frames.sigmoid() if self.loss == "cross_entropy" else frames + x[-1]).numpy()


if __name__ == "__main__":
    unittest.main(verbosity=2)
