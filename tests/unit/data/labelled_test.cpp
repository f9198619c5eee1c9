// Texts with labels: the forms they come in, how they are divided, and what is rejected.
#include "data/import/labelled.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "data/base/atomic_file.h"
#include "data/base/error.h"
#include "data/dataset.h"
#include "data/import/rejections.h"
#include "data/text/tokens.h"
#include "tests/unit/base/temp_folder.h"
#include "tests/unit/data/tool_run.h"

namespace lockstep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::text_of;
using testing::ToolOptions;

TEST(TextRulesTest, PunctuationStandsAloneButNotWithinWordsAndNumbers) {
  const TextRules rules{TokenKind::words, true, true};
  EXPECT_THAT(
      tokenize("Don't pay 1,000.50, it's (well-made).", rules),
      ElementsAre("don't", "pay", "1,000.50", ",", "it's", "(", "well", "-", "made", ")", "."));
  EXPECT_THAT(tokenize("ÜBER 'quoted' 服务。", rules),
              ElementsAre("über", "'", "quoted", "'", "服务", "。"));
  EXPECT_THAT(tokenize("ÀB", TextRules{TokenKind::characters, true, false}), ElementsAre("à", "b"));
}

class LabelledTest : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, const std::string& text) {
    write_file_atomically(folder_ / name, text);
    return folder_ / name;
  }
  /// Gives the rejections as text.
  std::string import(const std::vector<std::filesystem::path>& sources,
                     const ToolOptions& options) {
    return testing::run_tool(labelled_importer(), sources, out_, options);
  }
  Manifest manifest() const { return read_manifest(out_); }
  std::string text(const std::string& split, int64_t id) {
    return text_of(out_, split, id, "inputs");
  }
  std::string label(const std::string& split, int64_t id) {
    return text_of(out_, split, id, "label");
  }

  testing::TempFolder folder_;
  std::filesystem::path out_ = folder_ / "out";
};

TEST_F(LabelledTest, LabelFirstAsInTrec) {
  import({}, {{"train", write("a", "DESC:manner How is it ?\nNUM:count How many ?\n").string()},
              {"test", write("b", "NUM:date When is it ?\n").string()},
              {"form", "label-first"},
              { "coarse",
                ":" }});
  EXPECT_EQ(text("train", 0), "How is it ?");
  EXPECT_EQ(label("train", 0), "DESC");
  EXPECT_EQ(text("test", 0), "<unk> is it ?");
  EXPECT_EQ(label("test", 0), "NUM");
  EXPECT_THAT(manifest().streams[1].labels, ElementsAre("DESC", "NUM"));
}

TEST_F(LabelledTest, LabelLastInAnotherEncoding) {
  import({write("a", "caf\xe9 is good@positive\na@b is a sign@neutral\n")},
         {{"form", "label-last"},
          {"label_separator", "@"},
          {"encoding", "latin-1"},
          {"split", "1,0,0"},
          { "split_by",
            "position" }});
  EXPECT_EQ(text("train", 0), "café is good");
  EXPECT_EQ(text("train", 1), "a@b is a sign");
  EXPECT_EQ(label("train", 1), "neutral");
}

TEST_F(LabelledTest, TablesWithQuotesHeadersAndSeveralTargets) {
  import({write("a",
                "topic,review,mood\nroom,\"big, \"\"clean\"\"\nand quiet\",good\nfood,cold,bad\n")},
         {{"form", "csv"},
          {"header", "true"},
          {"text_column", "review"},
          {"label_column", "topic,mood"},
          {"split", "1,0,0"},
          {"split_by", "position"},
          { "split_punctuation",
            "true" }});
  EXPECT_EQ(text("train", 0), "big , \" clean \" and quiet");
  EXPECT_EQ(text_of(out_, "train", 1, "topic"), "food");
  EXPECT_EQ(text_of(out_, "train", 1, "mood"), "bad");
  EXPECT_EQ(manifest().streams[1].name, "mood") << "targets in sorted order";
}

TEST_F(LabelledTest, AFileForEachLabel) {
  import({write("neg", "bad film\n"), write("pos", "good film\ngreat\n")},
         {{"form", "file"}, {"source_labels", "neg,pos"}, {"split", "1,0,0"}, {
            "split_by",
            "position"
          }});
  EXPECT_EQ(label("train", 0), "neg");
  EXPECT_EQ(label("train", 2), "pos");
  EXPECT_THROW(import({folder_ / "neg"}, {{"form", "file"}, {"source_labels", "neg,pos"}}), Error);
}

TEST_F(LabelledTest, RecordsOfEveryLabelAreDividedAlike) {
  std::string lines;
  for (int i = 0; i < 200; ++i) {
    lines += (i % 4 == 0 ? "rare\ttext " : "common\ttext ") + std::to_string(i) + "\n";
  }
  import({write("a", lines)}, {{ "split", "0.6,0.2,0.2" }});
  std::set<std::string> seen;
  for (const auto& [split, size] : {std::pair("train", 120), {"validation", 40}, {"test", 40}}) {
    const Dataset dataset(out_);
    const Split records = dataset.open_split(split);
    ASSERT_EQ(records.size(), size);
    int rare = 0;
    for (int64_t id = 0; id < size; ++id) rare += label(split, id) == "rare" ? 1 : 0;
    EXPECT_EQ(rare, size / 4) << split;
  }
  const std::string first = testing::shard_hashes(out_);
  std::filesystem::remove_all(out_);
  import({folder_ / "a"}, {{ "split", "0.6,0.2,0.2" }});
  EXPECT_EQ(testing::shard_hashes(out_), first);
  std::filesystem::remove_all(out_);
  import({folder_ / "a"}, {{"split", "0.6,0.2,0.2"}, { "seed", "2" }});
  EXPECT_NE(testing::shard_hashes(out_), first);
}

TEST_F(LabelledTest, WhatIsNoRecordIsRejectedWithItsPlace) {
  const std::string train = write("a", "x\tgood\nx\t  \nno tab\n\xff\tx\ny\tbad\n").string();
  const std::string test = write("b", "x\tfine\nnew\tfine\n").string();
  const std::string shown = import({}, {{"train", train}, {"test", test}, {"max_rejected", "0.9"}});
  EXPECT_THAT(shown, HasSubstr("4 of 7 records were rejected"));
  EXPECT_THAT(shown, HasSubstr(train + ":2: has no text"));
  EXPECT_THAT(shown, HasSubstr(train + ":3: has 1 column, not 2"));
  EXPECT_THAT(shown, HasSubstr(train + ":4: byte 1 is not UTF-8"));
  EXPECT_THAT(shown, HasSubstr(test + ":2: the label \"new\" is not in the training records"));
  EXPECT_EQ(manifest().splits[0].sequences, 2);
  EXPECT_EQ(manifest().splits[1].sequences, 1);
}

TEST_F(LabelledTest, TooManyRejectionsLeaveNothingBehind) {
  const auto file = write("a", "x\tgood\nno tab\n");
  try {
    import({file}, {});
    FAIL() << "must be refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::corrupt);
    EXPECT_THAT(error.what(), HasSubstr(":2: has 1 column"));
    EXPECT_THAT(error.hint(), HasSubstr("--max-rejected"));
  }
  EXPECT_FALSE(std::filesystem::exists(out_));
}

TEST_F(LabelledTest, SetsOfLabelsBecomeZerosAndOnes) {
  const std::string train = write("a", "grain; trade\tx\nearn\ty\n; \tz\n").string();
  const std::string test = write("b", "trade;earn\tx\nearn;new\tx\n").string();
  const std::string shown =
      import({}, {{"train", train}, {"test", test}, {"multi_label", ";"}, {"max_rejected", "0.9"}});
  EXPECT_THAT(shown, HasSubstr(test + ":2: the label \"new\" is not in the training records"));
  const StreamSchema target = manifest().stream("label");
  EXPECT_THAT(target.labels, ElementsAre("earn", "grain", "trade"));
  EXPECT_EQ(target.features, 3);
  const auto ones = [&](const std::string& split, int64_t id) {
    return Dataset(out_).open_split(split).numbers(id, 1);
  };
  EXPECT_THAT(ones("train", 0), ElementsAre(0, 1, 1));
  EXPECT_THAT(ones("train", 1), ElementsAre(1, 0, 0));
  EXPECT_THAT(ones("train", 2), ElementsAre(0, 0, 0));
  EXPECT_THAT(ones("test", 0), ElementsAre(1, 0, 1));
}

TEST_F(LabelledTest, EmptySetsAloneTeachNothing) {
  const std::string train = write("a", "\tx\n;\ty\n").string();
  expect_error(ExitCode::corrupt, "the training records have no label", [&] {
    import({}, {{"train", train}, { "multi_label", ";" }});
  });
}

TEST_F(LabelledTest, LinesOfJson) {
  const std::string file =
      write("a", R"({"review": {"text": "good \u00e9"}, "stars": 5, "by": "ann"}
{"review": {"text": "bad"}, "stars": 1, "by": "bob"}
{"review": {"text": ["two", "parts"]}, "stars": true, "by": "ann"}
{"review": "flat", "stars": 1, "by": "bob"}
{"review": {"text": "x"}, "stars": {}, "by": "bob"}
{"review": {"text": "x"}, "stars"
)")
          .string();
  const std::string shown = import({}, {{"train", file},
                                        {"form", "jsonl"},
                                        {"text_column", "review.text"},
                                        {"label_column", "stars"},
                                        {"max_rejected", "0.6"}});
  EXPECT_EQ(text("train", 0), "good é");
  EXPECT_EQ(label("train", 0), "5");
  EXPECT_EQ(text("train", 2), "two parts");
  EXPECT_EQ(label("train", 2), "true");
  EXPECT_THAT(shown, HasSubstr(":4: has no \"review.text\""));
  EXPECT_THAT(shown, HasSubstr(":5: \"stars\" is neither a text"));
  EXPECT_THAT(shown, HasSubstr(":6: not valid JSON at byte"));
}

TEST_F(LabelledTest, SeveralTextColumnsAreReadBehindEachOther) {
  const ToolOptions options = {{"split", "1,0,0"}, {"split_by", "position"}};
  ToolOptions table = options;
  table.insert({{"form", "csv"}, {"text_column", "2,3"}, {"label_column", "1"}});
  import({write("a", "3,Title,Body of it\n4,Alone,\n4,,\n3,\"A, b\",c\n")},
         [&] { return table["max_rejected"] = "0.5", table;
}());
EXPECT_EQ(manifest().splits[0].sequences, 3);
EXPECT_EQ(text("train", 0), "Title Body of it");
EXPECT_EQ(text("train", 1), "Alone");
EXPECT_EQ(text("train", 2), "A, b c");
std::filesystem::remove_all(out_);
ToolOptions lines = options;
lines.insert({{"form", "jsonl"}, {"text_column", "head.title,body"}});
import({write("b", R"({"head": {"title": "T"}, "body": "b", "label": "x"})")}, lines);
EXPECT_EQ(text("train", 0), "T b");
}  // namespace

TEST_F(LabelledTest, SizesOfClassesShowAMistake) {
  const auto file = write("a", "Label\tSMS\nham\tsee you\nham\tok\nspam\tbuy\n");
  const ToolOptions options = {{"split", "1,0,0"}, {"split_by", "position"}};
  EXPECT_EQ(testing::notes_of(labelled_importer(), {file}, out_, options),
            "label: 3 classes in training: ham (2), Label (1), spam (1)\n");
  std::filesystem::remove_all(out_);
  std::string many;
  for (int i = 10; i < 30; ++i) many += fmt::format("c{}\ttext\n", i);
  EXPECT_THAT(testing::notes_of(labelled_importer(), {write("b", many + "c7\ttext\nc7\tx\n")}, out_,
                                options),
              HasSubstr("21 classes in training: c7 (2), c10 (1), c11 (1), "));
  std::filesystem::remove_all(out_);
  EXPECT_EQ(testing::notes_of(labelled_importer(), {write("c", "x\ttext\n")}, out_, options),
            "label: only 1 class in training: x (1)\n");
}

TEST_F(LabelledTest, AHeaderInAnotherEncodingIsToldAsThat) {
  const auto file = write("a", "\xb1\xea,text\nx,y\n");
  testing::expect_error(ExitCode::corrupt, "a:1: byte 1 is not UTF-8", [&] {
    import({file}, {{"form", "csv"}, { "header", "true" }});
  });
}

TEST_F(LabelledTest, GroupsAreInOneSplitOnly) {
  std::string lines;
  for (int i = 0; i < 60; ++i) lines += fmt::format("x\tuser{}\tu{}\n", i % 6, i % 6);
  const auto file = write("a", lines);
  import({file}, {{"text_column", "2"}, {"split_by", "group"}, { "group_column", "3" }});
  const Manifest made = manifest();
  ASSERT_EQ(made.splits.size(), 3U);
  EXPECT_EQ(made.splits[0].sequences, 40);
  std::set<std::string> held_out;
  for (int64_t id = 0; id < 10; ++id) held_out.insert(text("test", id));
  EXPECT_THAT(held_out, ElementsAre("<unk>"));
  EXPECT_THROW(import({file}, {{"split_by", "group"}}), Error);
  EXPECT_THROW(import({file}, {{"group_column", "3"}}), Error);
}

TEST_F(LabelledTest, AFolderForEachLabel) {
  for (const char* label : {"pos", "neg"})
    std::filesystem::create_directories(folder_ / "in" / label);
  write("in/pos/2.txt", "good\nfilm\n");
  write("in/pos/1.txt", "great");
  write("in/neg/1.txt", "bad \xff");
  write("in/neg/2.txt", "bad");
  const std::string shown = import({folder_ / "in"}, {{"form", "folders"},
                                                      {"split", "1,0,0"},
                                                      {"split_by", "position"},
                                                      {"max_rejected", "0.25"}});
  EXPECT_THAT(shown, HasSubstr("in/neg/1.txt: line 1: byte 5 is not UTF-8"));
  EXPECT_EQ(text("train", 0), "bad");
  EXPECT_EQ(text("train", 1), "great") << "in the order of names";
  EXPECT_EQ(text("train", 2), "good film");
  EXPECT_EQ(label("train", 2), "pos");
  testing::expect_error(ExitCode::missing, "is not a folder", [&] {
    import({folder_ / "in/pos/1.txt"}, {{ "form", "folders" }});
  });
}

TEST_F(LabelledTest, RealHotelReviews) {
  const auto file = testing::real_data("sentiment/zh/ChnSentiCorp_htl_all.csv.gz");
  if (file.empty()) GTEST_SKIP() << "LOCKSTEP_DATA has no sentiment/zh";
  const std::string shown = import({file}, {{"form", "csv"},
                                            {"header", "true"},
                                            {"text_column", "review"},
                                            {"label_column", "label"},
                                            {"tokens", "characters"}});
  EXPECT_EQ(shown, "1 of 7766 records was rejected:\n  " + file.string() + ":6376: has no text");
  const Manifest made = manifest();
  EXPECT_EQ(made.splits[0].sequences, 6213) << "4257.6 and 1954.4, to the largest remainders";
  EXPECT_THAT(made.streams[1].labels, ElementsAre("0", "1"));
}

TEST_F(LabelledTest, RareTokensBecomeUnknown) {
  import({write("a", "x\ta a b\ny\ta b c\n")}, {{"split", "1,0,0"},
                                                {"split_by", "position"},
                                                { "min_count",
                                                  "2" }});
  EXPECT_EQ(text("train", 1), "a b <unk>");
  EXPECT_FALSE(manifest().text->lowercase);
}

}  // namespace lockstep
}  // namespace lockstep
