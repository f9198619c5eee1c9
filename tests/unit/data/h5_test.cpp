// HDF5 files of other programs: tests/interop/h5_files.py makes them with h5py, and knows what the
// sequences hold.
#include "data/import/h5.h"

#include <gtest/gtest.h>
#include "data/base/atomic_file.h"
#include "data/base/fields.h"
#include "data/dataset.h"
#include "data/element_type.h"
#include "tests/interop/run_python.h"
#include "tests/unit/base/temp_folder.h"

namespace lockstep {
namespace {

using testing::expect_error;
namespace fs = std::filesystem;
using Words = std::vector<std::string>;

class H5Test : public ::testing::Test {
 protected:
  void SetUp() override {
    if (testing::python() == nullptr) GTEST_SKIP() << "LOCKSTEP_PYTHON is not set (ctest sets it)";
    tool_->describe(fields_);
  }

  /// Makes files as `h5_files.py FOLDER KIND...` does.
  void make(Words kinds) {
    kinds.insert(kinds.begin(), folder_.path().string());
    EXPECT_EQ(testing::run_python("interop/h5_files.py", kinds), 0) << kinds[1];
  }
  fs::path file_of(const std::string& kind) const { return folder_ / (kind + ".h5"); }
  fs::path make(const std::string& kind) {
    make(Words{kind});
    return file_of(kind);
  }

  template <class T>
  void set(const char* option, T value) {
    *std::get<T*>(fields_.find(option)->target) = std::move(value);
  }
  void name_arrays(const std::string& inputs, const std::string& lengths, const Words& targets) {
    set("inputs", inputs);
    set("lengths", lengths);
    set("target", targets);
  }
  void import(const std::vector<fs::path>& sources) {
    fs::remove_all(out_);
    tool_->run(sources, out_, {});
  }
  void refused(ExitCode code, const std::string& message, const std::vector<fs::path>& sources) {
    SCOPED_TRACE(message);
    expect_error(code, message, [&] { import(sources); });
    EXPECT_FALSE(fs::exists(out_));
  }

  /// Every number of every sequence as text: "inputs: 1 2 | 3 4; classes: 0" for each.
  Words sequences(const std::string& split_name = "train") const {
    const Dataset dataset(out_);
    const Split split = dataset.open_split(split_name);
    Words all;
    for (int64_t id = 0; id < split.size(); ++id) {
      std::string text;
      for (size_t i = 0; i < split.streams().size(); ++i) {
        text += (i == 0 ? "" : "; ") + split.streams()[i].name + ":" + values_of(split, id, i);
      }
      all.push_back(text);
    }
    return all;
  }

  static std::string values_of(const Split& split, int64_t id, size_t stream) {
    const StreamSchema& schema = split.streams()[stream];
    std::vector<char> stored(static_cast<size_t>(split.length(id, stream)) * row_bytes(schema));
    split.read(id, stream, stored.data());
    std::string text;
    with_element_type(schema.element, [&](auto tag) {
      using T = typename decltype(tag)::type;
      const auto* values = reinterpret_cast<const T*>(stored.data());
      const auto width = static_cast<size_t>(width_of(schema));
      for (size_t i = 0; i < stored.size() / sizeof(T); ++i) {
        text += fmt::format("{} {}", i > 0 && i % width == 0 && width > 1 ? " |" : "", values[i]);
      }
    });
    return text;
  }

  testing::TempFolder folder_;
  fs::path out_ = folder_ / "out";
  std::unique_ptr<DataTool> tool_ = h5_importer().make();
  Fields fields_;
};

// Sequence i of all files below has the length 2, 0, 3; step t of it the features 100 i + 10 t + f
// (f below 2); one class i; one word (i + t) % 4 per step.
const Words kExpected{
    "inputs: 0 1 | 10 11; classes: 0; words: 0 1",
    "inputs:; classes: 1; words:",
    "inputs: 200 201 | 210 211 | 220 221; classes: 2; words: 2 3 0",
};

TEST_F(H5Test, ReturnnsLayout) {
  import({make("returnn")});
  EXPECT_EQ(sequences(), kExpected);
  const Manifest manifest = read_manifest(out_);
  EXPECT_EQ(manifest.streams[0].element, ElementType::f32);
  EXPECT_EQ(manifest.stream("classes").num_classes, 5);
  EXPECT_EQ(manifest.stream("classes").labels, (Words{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(manifest.stream("words").num_classes, 4);
  EXPECT_EQ(manifest.stream("words").element, ElementType::i32);
  EXPECT_EQ(manifest.splits[0].longest, 3);
}

/// As SimpleHDFWriter leaves it: tags of variable length, a dummy label, no number of classes.
TEST_F(H5Test, WhatReturnnsWriterMakes) {
  import({make("returnn_writer")});
  EXPECT_EQ(sequences(), kExpected);
  EXPECT_EQ(read_manifest(out_).stream("classes").num_classes, 3);
  EXPECT_TRUE(read_manifest(out_).stream("classes").labels.empty());
}

/// As HDFDatasetWriter does: one column of lengths for all targets.
TEST_F(H5Test, OneColumnForAllTargets) {
  import({make("returnn_two_columns")});
  EXPECT_EQ(sequences(), (Words{"inputs: 0 1; first: 0 1; second: 0 1", "inputs:; first:; second:",
                                "inputs: 2 3 0; first: 2 3 0; second: 2 3 0"}));
}

TEST_F(H5Test, OurOwnShardsGiveTheSameAgain) {
  import({make("returnn")});
  const std::string before = read_manifest(out_).splits[0].shards[0].sha256;
  const fs::path shard = folder_ / "again.h5";
  fs::rename(out_ / "train-00000.h5", shard);
  import({shard});
  EXPECT_EQ(sequences(), kExpected);
  EXPECT_EQ(read_manifest(out_).splits[0].shards[0].sha256, before);
}

TEST_F(H5Test, PaddedArrays) {
  name_arrays("x", "n", {"words=w", "classes=y"});
  import({make("padded")});
  EXPECT_EQ(sequences(), kExpected);
}

TEST_F(H5Test, FlatArrays) {
  name_arrays("deep/er/x", "n", {"words=w:nw", "classes=y"});
  import({make("flat")});
  EXPECT_EQ(sequences(), kExpected);
}

TEST_F(H5Test, WithoutLengths) {
  name_arrays("images", "", {"classes=labels", "box=boxes"});
  set("scale", 0.5);
  import({make("images")});
  EXPECT_EQ(sequences(), (Words{"inputs: 0 1 | 2 3 | 4 5; box: 0.5 1.5; classes: 0",
                                "inputs: 6 7 | 8 9 | 10 11; box: 2.5 3.5; classes: 1"}));
  EXPECT_EQ(read_manifest(out_).streams[0].element, ElementType::u8);
  EXPECT_EQ(read_manifest(out_).streams[0].scale, 0.5);
  name_arrays("boxes", "", {"classes=labels"});
  import({make("images")});
  EXPECT_EQ(sequences(), (Words{"inputs: 0.5 1.5; classes: 0", "inputs: 2.5 3.5; classes: 1"}));
}

/// Rows of many blocks, in compressed chunks that cut them: nothing is lost between the blocks.
TEST_F(H5Test, LargeArraysAreReadInBlocks) {
  name_arrays("x", "n", {});
  set("compression", int64_t{1});
  import({make("large")});
  const Dataset dataset(out_);
  const Split split = dataset.open_split("train");
  ASSERT_EQ(split.size(), 2000);
  std::vector<int32_t> values;
  for (int64_t id = 0; id < split.size(); id += 7) {
    const int64_t length = id * 37 % 100 + 1;
    ASSERT_EQ(split.length(id, 0), length);
    values.resize(static_cast<size_t>(length) * 50);
    split.read(id, 0, values.data());
    ASSERT_EQ(values.front(), id * 5000);
    ASSERT_EQ(values.back(), id * 5000 + length * 50 - 1);
  }
}

TEST_F(H5Test, SplitsMayHaveSeveralFiles) {
  const std::string file = make("returnn").string();
  set("train", Words{file, make("returnn_writer").string()});
  set("test", Words{file});
  import({});
  Words twice = kExpected;
  twice.insert(twice.end(), kExpected.begin(), kExpected.end());
  EXPECT_EQ(sequences(), twice);
  EXPECT_EQ(sequences("test"), kExpected);
  EXPECT_EQ(read_manifest(out_).stream("classes").num_classes, 5) << "the larger number counts";
}

TEST_F(H5Test, WrongOptionsAreTold) {
  const fs::path file = make("padded");
  refused(ExitCode::usage, "either SOURCE files or --train", {});
  refused(ExitCode::corrupt, "the file holds: n w x y", {file});
  refused(ExitCode::missing, "cannot be opened", {folder_ / "nothing.h5"});
  set("lengths", std::string("n"));
  refused(ExitCode::usage, "--lengths and --target need --inputs", {file});
  name_arrays("z", "n", {});
  refused(ExitCode::corrupt, "data set \"z\" is not there", {file});
  name_arrays("x", "y2", {});
  refused(ExitCode::corrupt, "data set \"y2\" is not there", {file});
  for (const char* target : {"y", "=y", "a/b=y", "y=", "inputs=y"}) {
    name_arrays("x", "n", {target});
    refused(ExitCode::usage, "is not NAME=ARRAY", {file});
  }
  name_arrays("x", "n", {"a=y", "a=y"});
  refused(ExitCode::usage, "two targets have the name", {file});
  name_arrays("x", "w", {});
  refused(ExitCode::corrupt, "several lengths for each sequence", {file});
  name_arrays("x", "x", {});
  refused(ExitCode::corrupt, "does not hold lengths", {file});
}

struct BadH5 {
  const char* kind;
  const char* message;
};

TEST_F(H5Test, WrongFilesAreRefused) {
  const std::vector<BadH5> table{
      {"bad_sum", "\"inputs\" has 5 rows, but the lengths of its sequences add up to 6"},
      {"bad_negative", "gives sequence 1 the length -1"},
      {"bad_overflow", "gives sequence 1 the length 9223372036854775807"},
      {"bad_class", "\"targets/data/classes\" holds 5 in sequence 2; symbols are 0 to 4"},
      {"bad_symbol", "\"targets/data/words\" holds -1 in sequence 2"},
      {"bad_columns", "\"seqLengths\" has 4 columns for the inputs and 2 targets"},
      {"bad_size", "has 2 columns, but its size is said to be 3"},
      {"bad_type", "holds elements of 2 bytes that are not u8, i16"},
      {"bad_text", "are not u8, i16"},
      {"bad_link", "is not in RETURNN's layout"},
      {"bad_target_link", "is a link to somewhere else"},
      {"bad_external", "keeps its data in another file"},
      {"bad_virtual", "has a layout other than"},
      {"bad_filter", "uses the filter 32000"},
      {"bad_rank", "has 4 dimensions; 1 to 3 can be read"},
      {"bad_empty", "holds no sequences"},
      {"bad_huge", "more than a file of"},
      {"bad_name", "holds a target whose name cannot be a stream's"},
  };
  Words kinds;
  for (const BadH5& bad : table) kinds.emplace_back(bad.kind);
  make(kinds);
  for (const BadH5& bad : table) refused(ExitCode::corrupt, bad.message, {file_of(bad.kind)});
}

TEST_F(H5Test, WrongNamedArraysAreRefused) {
  make({"bad_long", "bad_target", "bad_claim", "bad_wide", "bad_dimension"});
  name_arrays("x", "n", {"y=y"});
  refused(ExitCode::corrupt, "\"x\" has 3 rows: neither as many as there are",
          {file_of("bad_long")});
  refused(ExitCode::corrupt, "\"y\" has 4 rows, which fit the lengths", {file_of("bad_target")});
  refused(ExitCode::corrupt, "more than a file of", {file_of("bad_claim")});
  refused(ExitCode::corrupt, "has rows of more than", {file_of("bad_wide")});
  refused(ExitCode::corrupt, "claims a dimension of", {file_of("bad_dimension")});
  name_arrays("x", "", {});
  refused(ExitCode::corrupt, "more than a file of", {file_of("bad_claim")});
}

TEST_F(H5Test, FilesThatDifferAreRefused) {
  name_arrays("x", "n", {"y=y"});
  const fs::path first = make("padded");
  refused(ExitCode::corrupt, "other_type.h5: data set \"x\" is not what \"inputs\" is in",
          {first, make("other_type")});
  set("train", Words{first.string(), make("returnn").string()});
  refused(ExitCode::corrupt, "\"x\" is not there", {});
}

TEST_F(H5Test, DamagedFilesNeverCrash) {
  const fs::path good = make("returnn");
  const std::string bytes = read_file(good);
  const fs::path bad = folder_ / "bad.h5";
  int refusals = 0;
  for (size_t size = 0; size < bytes.size(); size += 512) {
    write_file_atomically(bad, std::string_view(bytes).substr(0, size));
    EXPECT_THROW(import({bad}), Error) << size;
    ++refusals;
  }
  EXPECT_GT(refusals, 5);
}

}  // namespace
}  // namespace lockstep
