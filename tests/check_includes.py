#!/usr/bin/env python3
"""Checks that layers are included in one direction and that each third-party header has one home.

usage: check_includes.py ROOT | check_includes.py --self-test

Prints every line that breaks a rule and exits 1 when there is one. The rules are the two tables
below; README.md shows the same house as a picture.
"""

import pathlib
import re
import sys
import tempfile

# Where a file lies -> what of ours it may include. The first pattern that matches counts.
ARROWS = [
    (r"data/base/", r"data/base/"),
    (r"data/", r"data/"),
    (r"trainer/comm/", r"trainer/comm/|data/"),
    (r"trainer/observers/", r"trainer/observers/|data/"),
    (r"trainer/model/", r"trainer/model/|data/"),
    (r"trainer/monitor/", r"trainer/monitor/|data/"),
    (r"trainer/", r"trainer/|data/"),
    (r"launcher/", r"launcher/|trainer/|data/"),
    (r"tests/", r"tests/|launcher/|trainer/|data/"),
]

# Third-party header -> the files that may name it; tests may name any of them.
TRAINER_WITHOUT_TORCH = r"(?!comm/|observers/|monitor/|model/kernels/|checkpoint|safetensors|run_directory)"
HOMES = [
    (r"hdf5(_hl)?\.h", r"data/shard_"),
    (r"openssl/", r"data/base/sha256"),
    (r"zlib\.h", r"data/import/|data/base/png|data/chunk_check"),
    (r"sndfile\.h", r"data/audio/sound_file"),
    (r"fftw3\.h", r"data/audio/spectrum"),
    (r"utf8proc\.h", r"data/text/"),
    (r"sentencepiece_(processor|trainer)\.h", r"data/text/sentence_pieces"),
    (r"xxhash\.h", r"trainer/train_step"),
    (r"ft2build\.h|freetype/", r"data/generate/"),
    (r"yaml-cpp/", r"launcher/config_document"),
    (r"CLI/", r"launcher/"),
    (r"mpi\.h", r"trainer/comm/"),
    (r"nccl\.h", r"trainer/comm/"),
    (r"google/protobuf/|.*\.pb\.h", r"trainer/observers/tensorboard"),
    (r"cuda_runtime(_api)?\.h|cuda_(fp16|bf16)\.h|cooperative_groups\.h",
     r"trainer/(?!observers/)"),
    (r"(torch|ATen|c10)/", r"trainer/" + TRAINER_WITHOUT_TORCH),
    (r"(gtest|gmock)/", r"tests/"),
    (r"(fmt|nlohmann)/", r""),
    (r"immintrin\.h", r"(trainer/model/kernels/|data/convert_)"),
]

SYSTEM = re.compile(
    r"[a-z_0-9]+|sys/[a-z]+\.h|linux/[a-z]+\.h|"
    r"(arpa/inet|dirent|dlfcn|errno|execinfo|fcntl|iconv|ifaddrs|limits|malloc|net/if|netdb|poll|pthread|pwd|sched|signal|spawn|stdio|"
    r"stdlib|string|termios|time|unistd)\.h")

FOLDERS = ("data", "trainer", "launcher", "tests")
SUFFIXES = {".h", ".cpp", ".cu", ".cuh"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 64
    problems = check(pathlib.Path(arguments[0]))
    print("\n".join(problems) or "includes: every arrow and every home is kept")
    return 1 if problems else 0


def check(root):
    files = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*"))
             if path.suffix in SUFFIXES]
    if not files:
        return [f"{root}: no sources found"]
    return [problem for path in files for problem in check_file(root, path)]


def check_file(root, path):
    name = path.relative_to(root).as_posix()
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            complaint = complain(root, name, *match.groups())
            if complaint:
                yield f"{name}:{number}: {complaint}"


def complain(root, name, quote, header):
    """Says what is wrong with one include, or nothing."""
    if quote == '"' and (root / header).exists():
        allowed = next(allowed for folder, allowed in ARROWS if re.match(folder, name))
        return None if re.match(allowed, header) else f'must not include "{header}": arrows go one way'
    if quote == "<" and SYSTEM.fullmatch(header):
        return None
    for pattern, home in HOMES:
        if re.match(pattern, header):
            at_home = name.startswith("tests/") or re.match(home, name)
            return None if at_home else f"must not include <{header}>: its home is {home}"
    if quote == '"':
        return f'"{header}" is not a path from the root of the sources'
    return f"<{header}> has no home yet: give it one in {pathlib.Path(__file__).name}"


GOOD = {
    "data/base/error.h": "#include <fmt/format.h>\n#include <string>\n#include <sys/stat.h>\n",
    "data/shard_reader.cpp": '#include <hdf5.h>\n#include "data/base/error.h"\n',
    "trainer/comm/mpi.cpp": '#include <mpi.h>\n#include "data/base/error.h"\n',
    "trainer/trainer.h": "#include <torch/torch.h>\n",
    "trainer/session.h": '#include "data/base/error.h"\n',
    "launcher/main.cpp": '#include "trainer/session.h"\n',
    "tests/unit/a.cpp": '#include <gtest/gtest.h>\n#include "launcher/main.cpp"\n#include <hdf5.h>\n',
}

BAD = {
    "data/a.cpp": ['#include "trainer/session.h"', '#include "launcher/main.cpp"', "#include <mpi.h>",
                   "#include <torch/torch.h>", '#include "data/no_such_file.h"', "#include <boost/any.hpp>"],
    "data/base/a.cpp": ['#include "data/shard_reader.cpp"'],
    "trainer/a.cpp": ['#include "launcher/main.cpp"', "#include <hdf5.h>", "#include <yaml-cpp/yaml.h>",
                      "#include <nccl.h>", '#include "tests/unit/a.cpp"'],
    "trainer/comm/a.cpp": ['#include "trainer/session.h"', "#include <torch/torch.h>"],
    "trainer/model/a.cpp": ['#include "trainer/comm/mpi.cpp"'],
    "trainer/checkpoint.cpp": ["  #  include <torch/torch.h>"],
    "launcher/a.cpp": ["#include <google/protobuf/message.h>", '#include "event.pb.h"'],
}


def self_test():
    """The rules must hold on a good tree, and each bad line must be found on its own."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in GOOD.items():
            write(root / name, text)
        wrong = check(root)
        for name, lines in BAD.items():
            for line in lines:
                write(root / name, line + "\n")
                if len(check(root)) != 1:
                    wrong.append(f"not found: {name}: {line}")
                (root / name).unlink()
    print("\n".join(wrong) or "includes: the check finds what it must")
    return 1 if wrong else 0


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
