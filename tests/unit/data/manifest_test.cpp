#include "data/manifest.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "data/base/atomic_file.h"
#include "tests/unit/base/temp_folder.h"
#include "tests/unit/data/small_dataset.h"

namespace lockstep {
namespace {

using nlohmann::json;
using testing::expect_error;

TEST(ElementTypes, HaveNamesAndSizes) {
  for (const char* name : {"u8", "i16", "i32", "i64", "f32", "f64"}) {
    EXPECT_EQ(name_of(element_type_of(name)), name);
  }
  EXPECT_EQ(size_of(ElementType::u8), 1U);
  EXPECT_EQ(size_of(ElementType::f64), 8U);
  expect_error(ExitCode::corrupt, "f16", [] { element_type_of("f16"); });
}

class ManifestTest : public ::testing::Test {
 protected:
  ManifestTest() : manifest_(testing::write_ragged(folder_.path(), 12, {.max_sequences = 5})) {}

  json document() const { return json::parse(read_file(folder_ / "manifest.json")); }
  void rewrite(const std::string& text) const {
    write_file_atomically(folder_ / "manifest.json", text);
  }

  testing::TempFolder folder_;
  Manifest manifest_;
};

TEST_F(ManifestTest, ReadsWhatItWrote) {
  const Manifest read = read_manifest(folder_.path());
  EXPECT_EQ(read.fingerprint(), manifest_.fingerprint());
  EXPECT_EQ(read.streams[2].labels.back(), "long label");
  EXPECT_EQ(read.streams[1].scale, 2);
  const SplitInfo* train = read.find_split("train");
  ASSERT_NE(train, nullptr);
  EXPECT_EQ(train->sequences, 12);
  EXPECT_EQ(train->shards.size(), 3U);
  EXPECT_EQ(train->shards[2].file, "train-00002.h5");
  EXPECT_EQ(train->shortest, 1);
  EXPECT_EQ(train->longest, 9);
  EXPECT_EQ(read.find_split("validation"), nullptr);
  EXPECT_EQ(read.stream("words").num_classes, 11);
  expect_error(ExitCode::config, "inputs, regression, words", [&] { read.stream("word"); });
}

/// A manifest with all blocks that say how the inputs came about.
Manifest with_signal_blocks(Manifest manifest) {
  manifest.audio = AudioInfo{
      .sample_rate = 16000, .features = "mfcc", .range_db = 60, .deltas = 2, .normalise = "train"};
  manifest.symbols = SymbolsInfo{"protein", 3};
  manifest.series = SeriesInfo{96, 24, "mask", {"hour", "weekday"}};
  manifest.scaling["inputs"] = {{"a", "b", "c"}, {1, 2, 3}, {0.5, 1, 2}};
  manifest.symbol_texts["words"] = std::vector<std::string>(11, "a title");
  manifest.known_symbols["words"] = 8;
  return manifest;
}

TEST_F(ManifestTest, ReadsHowSignalsBecameFeatures) {
  const Manifest written = with_signal_blocks(manifest_);
  write_manifest(folder_.path(), written);
  const Manifest read = read_manifest(folder_.path());
  EXPECT_EQ(read.fingerprint(), written.fingerprint());
  EXPECT_NE(read.fingerprint(), manifest_.fingerprint());
  EXPECT_EQ(read.audio->sample_rate, 16000);
  EXPECT_EQ(read.audio->normalise, "train");
  EXPECT_EQ(read.audio->range_db, 60);
  EXPECT_EQ(read.symbols->kmer, 3);
  EXPECT_EQ(read.series->calendar, (std::vector<std::string>{"hour", "weekday"}));
  EXPECT_EQ(read.scaling.at("inputs").deviation, (std::vector<double>{0.5, 1, 2}));
  EXPECT_EQ(read.known_symbols.at("words"), 8);
}

TEST_F(ManifestTest, KeepsTheHistogramOfLengths) {
  // Sequences 0 to 11 have the lengths 4 2 9 7 5 3 1 8 6 4 2 9.
  const LengthHistogram expected{{1, 1}, {2, 2}, {3, 1}, {4, 2}, {5, 1}, {6, 1}, {7, 1}, {8, 3}};
  EXPECT_EQ(read_manifest(folder_.path()).splits[0].lengths, expected);
}

TEST_F(ManifestTest, OldManifestsHaveNoHistogramAndKeepTheirFingerprint) {
  json old = document();
  for (json& split : old["splits"]) split.erase("length_histogram");
  rewrite(old.dump());
  const Manifest read = read_manifest(folder_.path());
  EXPECT_TRUE(read.splits[0].lengths.empty());
  write_manifest(folder_.path(), read);
  EXPECT_EQ(document(), old);
}

TEST_F(ManifestTest, FingerprintSeesEveryMember) {
  Manifest other = manifest_;
  other.streams[0].offset = 1e-9;
  EXPECT_NE(other.fingerprint(), manifest_.fingerprint());
}

TEST_F(ManifestTest, MissingIsNotCorrupt) {
  std::filesystem::remove(folder_ / "manifest.json");
  expect_error(ExitCode::missing, "manifest.json: there is no data set here",
               [&] { read_manifest(folder_.path()); });
}

TEST_F(ManifestTest, RefusesWhatIsNotJson) {
  for (const char* text : {"", "[]", "{", "null", "\x89HDF\r\n", "{\"format\": 1}"}) {
    rewrite(text);
    expect_error(ExitCode::corrupt, "manifest.json", [&] { read_manifest(folder_.path()); });
  }
}

struct Damage {
  const char* pointer;  ///< RFC 6901
  json value;           ///< discarded: the member is removed
  const char* message;
};

const json kRemoved = json(json::value_t::discarded);

TEST_F(ManifestTest, RefusesBadValuesWithTheirPath) {
  const std::vector<Damage> table{
      {"/format", "other", "$.format: is not a Lockstep data set"},
      {"/format_version", 2, "$.format_version: 2 is out of range"},
      {"/streams", json::array(), "$.streams: holds no stream"},
      {"/streams/0/name", "input", "$.streams[0]: must be the stream \"inputs\""},
      {"/streams/1/name", "inputs", "second stream"},
      {"/streams/1/name", "zebra", "sorted order"},
      {"/streams/1/name", "words", "sorted order"},
      {"/streams/1/name", "a/b", "$.streams[1].name: is not a plain name"},
      {"/streams/0/element", "f16", "$.streams[0].element: \"f16\" is no element type"},
      {"/streams/0/features", -1, "$.streams[0].features: -1 is out of range"},
      {"/streams/0/features", 1e30, "$.streams[0].features: is not an integer"},
      {"/streams/0/features", int64_t{1} << 40, "is out of range"},
      {"/streams/0/features", 0, "either features"},
      {"/streams/0/num_classes", 5, "either features"},
      {"/streams/0/scale", "1", "$.streams[0].scale: is not a number"},
      {"/streams/2/element", "f32", "not an integer"},
      {"/streams/2/labels", json::array({"a"}), "1 labels for 11 classes"},
      {"/streams/2/labels", kRemoved, "has no member \"labels\""},
      {"/audio/sample_rate", 0, "$.audio.sample_rate: 0 is out of range"},
      {"/audio/features", "plp", "$.audio.features: \"plp\" is not known here"},
      {"/audio/window_ms", -1, "$.audio.window_ms: is not from 0 to 1000"},
      {"/audio/bands", 1 << 20, "is out of range"},
      {"/audio/deltas", 3, "is out of range"},
      {"/audio/range_db", -1, "$.audio.range_db: is not from 0 to 1000"},
      {"/audio/low_hz", kRemoved, "has no member \"low_hz\""},
      {"/symbols/kmer", 17, "$.symbols.kmer: 17 is out of range"},
      {"/symbols/alphabet", "runes", "is not known here"},
      {"/series/history", 0, "$.series.history: 0 is out of range"},
      {"/series/calendar/0", 1, "$.series.calendar[0]: is not a text"},
      {"/scaling/inputs/mean", json::array({1, 2}), "does not describe 3 features"},
      {"/scaling/inputs/deviation/1", 0, "not above zero"},
      {"/scaling/inputs/names", json::array({"a"}), "does not describe 3 features"},
      {"/symbol_texts/words", json::array({"a"}), "has 1 texts for 11 symbols"},
      {"/symbol_texts", kRemoved,
       "$.known_symbols.words: is of a stream whose symbols have no texts"},
      {"/known_symbols/words", 12, "$.known_symbols.words: 12 is out of range"},
      {"/known_symbols/words", 0, "$.known_symbols.words: 0 is out of range"},
      {"/splits/0/name", "..", "is not a plain name"},
      {"/splits/1/name", "train", "second split"},
      {"/splits/0/sequences", 13, "says 13 sequences but its shards hold 12"},
      {"/splits/0/shortest", 99, "is out of range"},
      {"/splits/0/shards/1/file", "../x.h5", "$.splits[0].shards[1].file: is not a plain name"},
      {"/splits/0/shards/1/file", "/etc/passwd", "is not a plain name"},
      {"/splits/0/shards/1/file", "", "is not a plain name"},
      {"/splits/0/shards/1/file", std::string("a\0b", 3), "is not a plain name"},
      {"/splits/0/shards/1/file", "train-00000.h5", "a second time"},
      {"/splits/0/shards/1/sequences", -4, "is out of range"},
      {"/splits/0/shards/1/sequences", UINT64_MAX, "is out of range"},
      {"/splits/0/shards/1/bytes", kRemoved, "has no member \"bytes\""},
      {"/splits/0/shards/1/sha256", "abc", "is not a SHA-256"},
      {"/splits/0/shards/1/steps", json::array({1, 2}), "has 2 entries for 3 streams"},
      {"/splits/0/shards/1/steps/0", nullptr, "steps[0]: is not an integer"},
      {"/splits/0/length_histogram", 7, "$.splits[0].length_histogram: is not an array"},
      {"/splits/0/length_histogram", json::array(), "counts 0 sequences; the split has 12"},
      {"/splits/0/length_histogram/0", 1, "length_histogram[0]: is not an array"},
      {"/splits/0/length_histogram/0", {1, 2, 3}, "is not a length and a number of sequences"},
      {"/splits/0/length_histogram/0/0", -1, "length_histogram[0][0]: -1 is out of range"},
      {"/splits/0/length_histogram/0/1", -1, "length_histogram[0][1]: -1 is out of range"},
      {"/splits/0/length_histogram/0/1", INT64_MAX, "is out of range"},
      {"/splits/0/length_histogram/0/1", 99, "sequences; the split has 12"},
      {"/splits/0/length_histogram/0/0", 9, "[0][0]: 9 begins no bucket"},
      {"/splits/0/length_histogram/0/0", 2, "lengths do not ascend"},
      {"/splits/0/length_histogram/0/0", 0, "from the shortest length to the longest"},
      {"/splits/0/longest", 10, "from the shortest length to the longest"},
  };
  write_manifest(folder_.path(), with_signal_blocks(manifest_));
  const json good = document();
  for (const Damage& damage : table) {
    json bad = good;
    const json::json_pointer pointer(damage.pointer);
    if (damage.value.is_discarded()) {
      bad.at(pointer.parent_pointer()).erase(pointer.back());
    } else {
      bad.at(pointer) = damage.value;
    }
    rewrite(bad.dump());
    SCOPED_TRACE(damage.pointer);
    expect_error(ExitCode::corrupt, damage.message, [&] { read_manifest(folder_.path()); });
  }
}

}  // namespace
}  // namespace lockstep
