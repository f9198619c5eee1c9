// Several passes over records: who sees which, and what becomes of those that are rejected.
#include "data/import/record_passes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/import/split_writers.h"
#include "tests/unit/base/temp_folder.h"

namespace lockstep {
namespace {

using ::testing::ElementsAre;
using testing::expect_error;
using ::testing::HasSubstr;

constexpr SplitRule kHalf{{0.5, 0, 0.5}, SplitBy::position};

/// WordList that stand for records, all of one file.
class WordList {
 public:
  explicit WordList(std::vector<std::string> words) : words_(std::move(words)) {}

  RecordPasses<std::string>::ReadAll reader(std::optional<size_t> split = std::nullopt) const {
    return [this, split](const auto& visit) {
      int64_t line = 0;
      for (const std::string& word : words_) visit({file_, ++line, split}, word);
    };
  }

 private:
  std::filesystem::path file_ = "words.txt";
  std::vector<std::string> words_;
};

int64_t no_key(const std::string& word) {
  if (word == "bad") throw Error(ExitCode::corrupt, "is bad");
  return 0;
}

Rejections allowing(double share) {
  Rejections rejections;
  Fields fields;
  rejections.describe(fields);
  *std::get<double*>(fields.find("max_rejected")->target) = share;
  return rejections;
}

TEST(RecordPassesTest, RejectedRecordsTakeNoPlaceInASplit) {
  const WordList words({"a", "bad", "b", "c", "late", "d"});
  Rejections rejections = allowing(0.5);
  RecordPasses<std::string> passes(words.reader(), rejections, {});
  passes.plan(kHalf, no_key);
  std::vector<std::string> learned;
  passes.train("learning", [&](const std::string& word) { learned.push_back(word); });
  EXPECT_THAT(learned, ElementsAre("a", "b", "c")) << "3 of the 5 that are left";
  std::vector<std::string> written;
  passes.all("importing", [&](const std::string& word, size_t split) {
    if (word == "late") throw Error(ExitCode::corrupt, "comes too late");
    written.push_back(word + std::to_string(split));
  });
  EXPECT_THAT(written, ElementsAre("a0", "b0", "c0", "d2"));
  EXPECT_EQ(rejections.text(),
            "2 of 6 records were rejected:\n  words.txt:2: is bad\n  words.txt:5: comes too late");
}

TEST(RecordPassesTest, AFilesOwnSplitCounts) {
  const WordList words({"a", "b", "c"});
  Rejections rejections;
  RecordPasses<std::string> passes(words.reader(2), rejections, {});
  passes.plan(kHalf, no_key);
  std::vector<size_t> splits;
  passes.all("importing", [&](const std::string&, size_t split) { splits.push_back(split); });
  EXPECT_THAT(splits, ElementsAre(2, 2, 2));
}

TEST(RecordPassesTest, TooManyRejectionsEndTheImport) {
  const WordList words({"a", "bad", "b"});
  Rejections rejections;  // allows 1 %
  RecordPasses<std::string> passes(words.reader(), rejections, {});
  expect_error(ExitCode::corrupt, "words.txt:2: is bad", [&] { passes.plan(kHalf, no_key); });
  const WordList nothing_but_bad({"bad"});
  Rejections all = allowing(1);
  RecordPasses<std::string> none(nothing_but_bad.reader(), all, {});
  expect_error(ExitCode::corrupt, "no record is left", [&] { none.plan(kHalf, no_key); });
  const WordList empty({});
  RecordPasses<std::string> nothing(empty.reader(), all, {});
  expect_error(ExitCode::corrupt, "no record", [&] { nothing.plan(kHalf, no_key); });
}

TEST(RecordPassesTest, OnlyCorruptRecordsAreRejected) {
  const WordList words({"a"});
  Rejections rejections;
  RecordPasses<std::string> passes(words.reader(), rejections, {});
  expect_error(ExitCode::save_failed, "disk", [&] {
    passes.plan(kHalf, [](const std::string&) -> int64_t {
      throw Error(ExitCode::save_failed, "disk is full");
    });
  });
}

TEST(RecordPassesTest, FilesThatChangeAreNoticed) {
  std::vector<std::string> words{"a", "b"};
  Rejections rejections;
  const std::filesystem::path file = "words.txt";
  RecordPasses<std::string> passes(
      [&](const auto& visit) {
        for (const std::string& word : words) visit({file, 1, std::nullopt}, word);
      },
      rejections, {});
  passes.plan(kHalf, no_key);
  words.push_back("c");
  expect_error(ExitCode::corrupt, "2 records and now holds 3",
               [&] { passes.train("learning", [](const std::string&) {}); });
}

TEST(RejectionsTest, ShowsTheFirstTwentyAndCountsAll) {
  Rejections rejections = allowing(1);
  for (int i = 1; i <= 25; ++i) rejections.add("f:" + std::to_string(i), "no");
  rejections.check(100);
  EXPECT_EQ(rejections.count(), 25);
  EXPECT_EQ(rejections.first().size(), 20U);
  EXPECT_THAT(rejections.text(), HasSubstr("f:20: no\n  and 5 more"));
}

TEST(SplitWritersTest, AWantedSplitWithoutRecordsIsAnError) {
  const testing::TempFolder folder;
  StreamSchema inputs;
  inputs.name = "inputs";
  inputs.element = ElementType::i32;
  inputs.num_classes = 5;
  SplitWriters writers(folder.path(), {0, 2}, {inputs});
  const int32_t symbol = 3;
  writers.append(0, {{&symbol, 1}});
  expect_error(ExitCode::corrupt, "no record for the split \"test\"", [&] { writers.finish(); });
}

}  // namespace
}  // namespace lockstep
