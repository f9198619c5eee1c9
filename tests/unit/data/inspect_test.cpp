// What people are shown of a data set: histogram of lengths, decoded samples, the verdict of
// verify.
#include "data/inspect.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "data/base/atomic_file.h"
#include "data/dataset.h"
#include "data/length_histogram.h"
#include "data/print_sample.h"
#include "data/shard_writer.h"
#include "tests/unit/base/temp_folder.h"
#include "tests/unit/data/small_dataset.h"

namespace lockstep {
namespace {

using testing::expect_error;

TEST(LengthBuckets, AreQuartersOfOctaves) {
  const std::vector<int64_t> firsts{0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40};
  for (size_t i = 0; i + 1 < firsts.size(); ++i) {
    EXPECT_EQ(next_length_bucket(firsts[i]), firsts[i + 1]);
    for (int64_t length = firsts[i]; length < firsts[i + 1]; ++length) {
      EXPECT_EQ(length_bucket(length), firsts[i]) << length;
    }
  }
  const int64_t large = int64_t{1} << 40;
  EXPECT_EQ(length_bucket(large + large / 4 - 1), large);
  EXPECT_EQ(length_bucket(large + large / 4), large + large / 4);
}

TEST(LengthBuckets, AreJoinedForDisplay) {
  const LengthHistogram histogram{{1, 2}, {4, 3}, {10, 5}};  // 1 2 3 4 5 6 7 8 10
  EXPECT_EQ(joined_buckets(histogram, 9).size(), 9U);
  EXPECT_EQ(joined_buckets(histogram, 9).at(5), 0);
  EXPECT_EQ(joined_buckets(histogram, 5),
            (LengthHistogram{{1, 2}, {3, 3}, {5, 0}, {7, 0}, {10, 5}}));
  EXPECT_TRUE(joined_buckets({}, 5).empty());
}

TEST(Printable, SpellsControlCharacters) {
  EXPECT_EQ(printable("a\n\x1b[31m\x7fü服"), "a\\n\\x1b[31m\\x7fü服");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "\\u009b2J");
  EXPECT_EQ(printable("\xc2"), "\xc2");
}

class InspectTest : public ::testing::Test {
 protected:
  std::string inspected(int64_t samples = 1) const {
    std::ostringstream text;
    inspect_dataset(folder_.path(), text, samples);
    return text.str();
  }
  /// Text as one sequence of symbols a line.
  void write_text(const std::string& tokens, std::vector<std::string> labels,
                  const std::vector<std::vector<int32_t>>& lines) {
    StreamSchema inputs;
    inputs.name = "inputs";
    inputs.element = ElementType::i32;
    inputs.num_classes = static_cast<int64_t>(labels.size());
    inputs.labels = std::move(labels);
    Manifest manifest;
    manifest.source = "a test";
    manifest.streams = {inputs};
    manifest.text = TextInfo{tokens, "\n", "?"};
    ShardWriter writer(folder_.path(), "train", manifest.streams);
    for (const auto& line : lines) {
      writer.append({{line.data(), static_cast<int64_t>(line.size())}}, "line");
    }
    manifest.splits = {writer.finish()};
    write_manifest(folder_.path(), manifest);
  }
  void expect_part(const std::string& part) const {
    EXPECT_NE(inspected().find(part), std::string::npos) << part << " is not in\n" << inspected();
  }

  testing::TempFolder folder_;
};

TEST_F(InspectTest, CharactersBecomeText) {
  write_text("characters", {"a", "é", " ", "\n"}, {{0, 1, 2, 0, 3}});
  expect_part("    aé a\\n\n");
}

TEST_F(InspectTest, WordsHaveSpaces) {
  write_text("words", {"the", "cat", "\x1b[2J"}, {{0, 1, 2, 0}});
  expect_part("    the cat \\x1b[2J the\n");
}

TEST_F(InspectTest, LongTextIsCut) {
  write_text("characters", {"x"}, {std::vector<int32_t>(1000, 0)});
  expect_part("    " + std::string(200, 'x') + " ...\n");
}

TEST_F(InspectTest, ClassesAreShownByName) {
  StreamSchema inputs, kind, tags;
  inputs.name = "inputs";
  inputs.features = 1;
  kind.name = "kind";
  kind.element = ElementType::i32;
  kind.num_classes = 25;
  for (int i = 0; i < 25; ++i) kind.labels.push_back(fmt::format("k{}", i));
  tags.name = "tags";
  tags.element = ElementType::u8;
  tags.features = 2;
  tags.labels = {"earn", "two\nlines"};
  Manifest manifest;
  manifest.streams = {inputs, kind, tags};
  ShardWriter writer(folder_.path(), "train", manifest.streams);
  const float value = 1;
  const int32_t symbol = 24;
  const uint8_t set[2] = {1, 0};
  writer.append({{&value, 1}, {&symbol, 1}, {set, 1}}, "a");
  manifest.splits = {writer.finish()};
  write_manifest(folder_.path(), manifest);
  expect_part("i32  symbols of 25 classes: k0, k1, ");
  expect_part(", k19, ...\n");
  expect_part("value = stored * 1 + 0: earn, two\\nlines\n");
}

TEST_F(InspectTest, DenseValuesAreAbbreviated) {
  StreamSchema inputs;
  inputs.name = "inputs";
  inputs.features = 10;
  Manifest manifest;
  manifest.streams = {inputs};
  ShardWriter writer(folder_.path(), "train", manifest.streams);
  std::vector<float> values;
  for (int i = 0; i < 200; ++i) values.push_back(static_cast<float>(i) / 2);
  writer.append({{values.data(), 20}}, "a");
  manifest.splits = {writer.finish()};
  write_manifest(folder_.path(), manifest);
  expect_part(
      "         3: 15 15.5 16 16.5 ... 19 19.5\n"
      "       ...\n"
      "        18: 90 90.5 91 91.5 ... 94 94.5\n");
}

TEST_F(InspectTest, ShowsTheSameHistogramWithAndWithoutTheManifests) {
  testing::write_ragged(folder_.path(), 9);  // lengths 1 to 9, each once
  const std::string histogram =
      "  lengths of the inputs\n"
      "         1 to 1              1 ####################\n";
  expect_part(histogram);
  expect_part("         8 to 9              2 ########################################\n");
  auto document = nlohmann::json::parse(read_file(folder_ / "manifest.json"));
  EXPECT_EQ(document["splits"][0]["length_histogram"].dump(),
            "[[1,1],[2,1],[3,1],[4,1],[5,1],[6,1],[7,1],[8,2]]");
  for (auto& split : document["splits"]) split.erase("length_histogram");
  write_file_atomically(folder_ / "manifest.json", document.dump());
  expect_part(histogram);
}

TEST_F(InspectTest, VerifyTellsEveryShardInOrder) {
  const Manifest manifest = testing::write_ragged(folder_.path(), 100, {.max_sequences = 9});
  std::ostringstream good;
  int64_t last = 0;
  verify_dataset(folder_.path(), good, [&](const auto&, int64_t done, int64_t, const auto&) {
    EXPECT_GT(done, last);
    last = done;
  });
  std::string expected;
  int64_t bytes = 0;
  for (const SplitInfo& split : manifest.splits) {
    for (const ShardInfo& shard : split.shards) {
      expected += shard.file + "           good\n";
      bytes += shard.bytes;
    }
  }
  expected.replace(expected.find("test-00000.h5"), 13, "test-00000.h5 ");
  EXPECT_EQ(good.str(), expected);
  EXPECT_EQ(last, bytes);

  std::filesystem::resize_file(folder_ / "train-00003.h5", 10);
  std::filesystem::remove(folder_ / "train-00007.h5");
  std::filesystem::resize_file(folder_ / "test-00000.h5", 10);
  std::ostringstream bad;
  expect_error(ExitCode::missing,
               "1 shards are missing and 2 damaged:\n  " + folder_.path().string() +
                   "/train-00007.h5: is not there\n  " + folder_.path().string() +
                   "/train-00003.h5: has 10 bytes",
               [&] { verify_dataset(folder_.path(), bad, {}); });
  for (const char* name : {"train-00003.h5", "train-00007.h5", "test-00000.h5 "}) {
    expected.replace(expected.find(name) + 25, 4, "BAD");
  }
  EXPECT_EQ(bad.str(), expected);
}

}  // namespace
}  // namespace lockstep
