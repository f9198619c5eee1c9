// Texts with translations, and pieces of words that sentencepiece learns.
#include "data/import/parallel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "data/base/atomic_file.h"
#include "data/text/sentence_pieces.h"
#include "data/text/text_symbols.h"
#include "tests/unit/base/temp_folder.h"
#include "tests/unit/data/tool_run.h"

namespace lockstep {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::expect_error;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::text_of;
using testing::ToolOptions;

/// Words as often as in the example of Hugging Face's course on byte-pair encoding.
std::vector<std::string> hugs_and_puns() {
  std::vector<std::string> lines;
  for (const auto& [word, count] : std::vector<std::pair<std::string, int>>{
           {"hug", 10}, {"pug", 5}, {"pun", 12}, {"bun", 4}, {"hugs", 5}}) {
    lines.insert(lines.end(), static_cast<size_t>(count), word);
  }
  return lines;
}

TEST(SentencePiecesTest, BytePairsAreMergedByFrequency) {
  // 8 characters (with that of a word's begin) and three merges: u g 20 times, ▁ p 17, u n 16.
  const SentencePieces pieces(train_sentence_pieces(hugs_and_puns(), 12, "bpe"));
  const auto list = pieces.pieces();
  EXPECT_EQ(
      std::set<std::string>(list.begin(), list.end()),
      (std::set<std::string>{"\u2581", "u", "g", "p", "n", "h", "b", "s", "ug", "\u2581p", "un"}));
  EXPECT_THAT(pieces.encode("pug bun"), ElementsAre("\u2581p", "ug", "\u2581", "b", "un"));
  EXPECT_THAT(pieces.encode("pux"), ElementsAre("\u2581p", "u", "x")) << "x was never seen";
}

TEST(SentencePiecesTest, TheSameTextGivesTheSameModel) {
  std::vector<std::string> lines;
  for (int i = 0; i < 300; ++i) lines.push_back(fmt::format("line {} of a text {}", i, i * i));
  EXPECT_EQ(train_sentence_pieces(lines, 60, "unigram"),
            train_sentence_pieces(lines, 60, "unigram"));
}

TEST(SentencePiecesTest, WhatIsNoModelIsRefused) {
  for (const std::string& model : {std::string(), std::string("nonsense"), std::string(99, '\0')}) {
    expect_error(ExitCode::corrupt, "no model", [&] { SentencePieces pieces(model); });
  }
  expect_error(ExitCode::corrupt, "cannot learn", [] { train_sentence_pieces({}, 20, "unigram"); });
}

class ParallelTest : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, const std::string& text) {
    write_file_atomically(folder_ / name, text);
    return folder_ / name;
  }
  std::string import(const std::vector<std::filesystem::path>& sources,
                     const ToolOptions& options) {
    return testing::run_tool(parallel_importer(), sources, out_, options);
  }
  std::string source(const std::string& split, int64_t id) {
    return text_of(out_, split, id, "inputs");
  }
  std::string target(const std::string& split, int64_t id) {
    return text_of(out_, split, id, "target");
  }
  std::string many_lines(const std::string& word) {
    std::string text;
    for (int i = 0; i < 200; ++i) text += fmt::format("{} {} and {}\n", word, i % 17, i % 5);
    return text;
  }

  testing::TempFolder folder_;
  std::filesystem::path out_ = folder_ / "out";
};

TEST_F(ParallelTest, EachLanguageHasItsVocabulary) {
  import({}, {{"train_source", write("a.de", "Ein Hund\nZwei Hunde\n").string()},
              {"train_target", write("a.en", "a dog\ntwo dogs\n").string()},
              {"test_source", write("b.de", "Zwei Katzen\n").string()},
              {"test_target", write("b.en", "two cats\n").string()},
              { "lowercase",
                "true" }});
  EXPECT_EQ(source("train", 1), "zwei hunde <eos>");
  EXPECT_EQ(target("train", 1), "two dogs <eos>");
  EXPECT_EQ(source("test", 0), "zwei <unk> <eos>");
  EXPECT_EQ(target("test", 0), "two <unk> <eos>");
  const Manifest manifest = read_manifest(out_);
  EXPECT_EQ(manifest.source, "train from a.de and a.en, test from b.de and b.en");
  EXPECT_THAT(manifest.streams[1].labels, AllOf(Contains("dog"), Not(Contains("hund"))));
  ASSERT_NE(manifest.text_of("target"), nullptr);
  EXPECT_EQ(manifest.text_of("target")->end, "<eos>");
  EXPECT_TRUE(manifest.text_of("inputs")->lowercase);
  EXPECT_EQ(manifest.text_of("other"), nullptr);
  const TextSymbols symbols_of(*manifest.text, manifest.streams[0].labels);
  EXPECT_EQ(symbols_of.end(), 0);
  EXPECT_EQ(symbols_of.text_of(symbols_of("Zwei HUNDE")), "zwei hunde");
}

TEST_F(ParallelTest, TwoSourcesAreDividedAlike) {
  import({write("a", "1\n2\n3\n4\n"), write("b", "eins\nzwei\ndrei\nvier\n")},
         {{"split", "0.5,0.25,0.25"},
          {"split_by", "position"},
          { "joint",
            "true" }});
  EXPECT_EQ(source("train", 1), "2 <eos>");
  EXPECT_EQ(target("train", 1), "zwei <eos>");
  EXPECT_EQ(source("test", 0), "<unk> <eos>");
  EXPECT_EQ(read_manifest(out_).streams[0].labels, read_manifest(out_).streams[1].labels);
}

TEST_F(ParallelTest, PiecesOfWordsAreReadAgainFromTheFolder) {
  import({write("a", many_lines("Donaudampfschiff")), write("b", many_lines("Danube steamer"))},
         {{"tokens", "sentencepiece"}, {"sentencepiece_model", "bpe"}, {"vocabulary", "60"}, {
            "joint",
            "true"
          }});
  const Manifest manifest = read_manifest(out_);
  const TextInfo& text = *manifest.text_of("target");
  EXPECT_EQ(text.model_file, "text.model");
  const TextSymbols symbols_of(text, manifest.streams[1].labels);
  EXPECT_LE(manifest.streams[1].num_classes, 60);
  const std::string sentence = "Donaudampfschiff 3 and Danube 12";
  EXPECT_EQ(symbols_of.text_of(symbols_of(sentence)), sentence);
  const std::string first = source("train", 0);
  EXPECT_THAT(first, HasSubstr("\u2581Donau"));
  EXPECT_THAT(symbols_of("Q"), Contains(1)) << "<unk>";

  std::string damaged = read_file(out_ / "text.model");
  damaged[damaged.size() / 2] ^= 1;
  write_file_atomically(out_ / "text.model", damaged);
  expect_error(ExitCode::corrupt, "SHA-256", [&] { read_manifest(out_); });
  std::filesystem::remove(out_ / "text.model");
  expect_error(ExitCode::missing, "text.model", [&] { read_manifest(out_); });
}

TEST_F(ParallelTest, PairsThatAreNoneAreRejected) {
  const auto sources = write("a", "x\n\ny\nw\nz\xff\n");
  const auto targets = write("b", "1\n2\n \n3 4 5\n6\n");
  const std::string shown = import(
      {sources, targets},
      {{"split", "1,0,0"}, {"split_by", "position"}, {"max_ratio", "2"}, {"max_rejected", "0.8"}});
  EXPECT_THAT(shown, HasSubstr("4 of 5 records"));
  EXPECT_THAT(shown, HasSubstr("a:2: has no text"));
  EXPECT_THAT(shown, HasSubstr("a:3: has no text"));
  EXPECT_THAT(shown, HasSubstr("a:4: has 1 tokens, and its translation 3"));
  EXPECT_THAT(shown, HasSubstr("a:5: byte 2 is not UTF-8"));
}

TEST_F(ParallelTest, RealCaptions) {
  const auto files = testing::real_data("translation/tok");
  if (files.empty()) GTEST_SKIP() << "LOCKSTEP_DATA has no translation/tok";
  const auto file = [&](const std::string& name) { return (files / (name + ".gz")).string(); };
  EXPECT_EQ(import({}, {{"train_source", file("train.lc.norm.tok.de")},
                        {"train_target", file("train.lc.norm.tok.en")},
                        {"validation_source", file("val.lc.norm.tok.de")},
                        {"validation_target", file("val.lc.norm.tok.en")},
                        {"min_count", "2"}}),
            "");
  const Manifest manifest = read_manifest(out_);
  EXPECT_EQ(manifest.splits[0].sequences, 29000);
  EXPECT_EQ(manifest.splits[1].sequences, 1014);
  EXPECT_EQ(target("train", 1),
            "several men in hard hats are operating a giant pulley system . <eos>");
}

TEST_F(ParallelTest, FilesThatDoNotMatchAreRefused) {
  const auto two = write("two", "a\nb\n");
  const auto three = write("three", "a\nb\nc\n");
  expect_error(ExitCode::corrupt, "only " + three.string() + " has a line 3", [&] {
    import({two, three}, {});
  });
  expect_error(ExitCode::corrupt, "only " + three.string() + " has a line 3", [&] {
    import({three, two}, {});
  });
  expect_error(ExitCode::usage, "two SOURCEs", [&] { import({two}, {}); });
  expect_error(ExitCode::usage, "two SOURCEs", [&] { import({}, {}); });
  expect_error(ExitCode::usage, "go together", [&] {
    import({}, {{ "train_source", two.string() }});
  });
  expect_error(ExitCode::usage, "--vocabulary", [&] {
    import({two, two}, {{ "tokens", "sentencepiece" }});
  });
  EXPECT_FALSE(std::filesystem::exists(out_));
}

}  // namespace
}  // namespace lockstep
