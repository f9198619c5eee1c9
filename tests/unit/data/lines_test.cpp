// Text to symbols and back: tokenisers, vocabulary, and the importer of lines.
#include "data/import/lines.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "data/base/atomic_file.h"
#include "data/base/error.h"
#include "data/dataset.h"
#include "data/text/tokens.h"
#include "data/text/vocabulary.h"
#include "tests/unit/base/temp_folder.h"

namespace lockstep {
namespace {

using Tokens = std::vector<std::string>;

TEST(TokensTest, CharactersAreUnicodeOnes) {
  EXPECT_EQ(tokenize("aé服。", TokenKind::characters), (Tokens{"a", "é", "服", "。"}));
  // e + combining acute accent is the same character as é.
  EXPECT_EQ(tokenize("e\xcc\x81", TokenKind::characters), (Tokens{"é"}));
  EXPECT_EQ(join_tokens({"a", "é", "服"}, TokenKind::characters), "aé服");
}

TEST(TokensTest, WordsAreBetweenWhiteSpace) {
  EXPECT_EQ(tokenize("  the\tcat  sat \r", TokenKind::words), (Tokens{"the", "cat", "sat"}));
  EXPECT_EQ(tokenize("", TokenKind::words), Tokens{});
  EXPECT_EQ(join_tokens({"the", "cat", "\n", "sat"}, TokenKind::words), "the cat \nsat");
}

TEST(TokensTest, WhatIsNotUtf8IsRefusedWithItsPlace) {
  try {
    tokenize("caf\xe9", TokenKind::words);
    FAIL() << "must be refused";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("byte 4"), std::string::npos) << error.what();
  }
}

TEST(VocabularyTest, KeepsTheMostFrequent) {
  VocabularyCounter counter;
  for (const char* token : {"b", "a", "c", "b", "c", "<eos>", "d"}) counter.add(token);
  EXPECT_EQ(counter.most_frequent({"<eos>", "<unk>"}, 0),
            (Tokens{"<eos>", "<unk>", "b", "c", "a", "d"}));
  const Vocabulary vocabulary(counter.most_frequent({"<eos>", "<unk>"}, 4), "<unk>");
  EXPECT_EQ(vocabulary.size(), 4);
  EXPECT_EQ(vocabulary.find("c"), 3);
  EXPECT_EQ(vocabulary.find("a"), 1);
  EXPECT_THROW(Vocabulary({"a", "a"}), Error);
}

class LinesTest : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, const std::string& text) {
    write_file_atomically(folder_.path() / name, text);
    return folder_.path() / name;
  }

  /// Runs the importer with options as a command line sets them.
  void import(const std::vector<std::filesystem::path>& sources,
              const std::map<std::string, std::string>& options,
              const std::vector<double>& split = {}) {
    const auto tool = lines_importer().make();
    Fields fields;
    tool->describe(fields);
    for (const Field& field : fields.all()) {
      if (auto* text = std::get_if<std::string*>(&field.target);
          text && options.count(field.path)) {
        **text = options.at(field.path);
      }
      if (auto* number = std::get_if<int64_t*>(&field.target);
          number && options.count(field.path)) {
        **number = std::stoll(options.at(field.path));
      }
      if (auto* list = std::get_if<std::vector<double>*>(&field.target); list && !split.empty()) {
        **list = split;
      }
    }
    tool->run(sources, folder_.path() / "out", {});
  }

  std::string text_of(const std::string& split_name) {
    const Dataset dataset(folder_.path() / "out");
    const Split split = dataset.open_split(split_name);
    const auto& labels = dataset.manifest().streams[0].labels;
    Tokens tokens;
    for (int64_t id = 0; id < split.size(); ++id) {
      for (const int64_t symbol : split.symbols(id, 0)) {
        tokens.push_back(labels[static_cast<size_t>(symbol)]);
      }
    }
    return join_tokens(tokens, token_kind_of(dataset.manifest().text->tokens));
  }

  lockstep::testing::TempFolder folder_;
};

TEST_F(LinesTest, CharactersGiveTheTextAgain) {
  const auto file = write("text",
                          "\xef\xbb\xbf"
                          "First line\r\n\nÜber 服\nlast without an end");
  import({file}, {{ "tokens", "characters" }}, {1, 0, 0});
  EXPECT_EQ(text_of("train"), "First line\n\nÜber 服\nlast without an end\n");
}

TEST_F(LinesTest, ThreeFilesShareTheTrainingVocabulary) {
  import({}, {{"train", write("a", "x y x\nz\n").string()},
              {"validation", write("b", "x new\n").string()},
              {"test", write("c", "z z\n").string()},
              { "vocabulary",
                "4" }});
  EXPECT_EQ(text_of("train"), "x y x <eos> <unk> <eos>");
  EXPECT_EQ(text_of("validation"), "x <unk> <eos>");
  EXPECT_EQ(text_of("test"), "<unk> <unk> <eos>");
}

TEST_F(LinesTest, PiecesOfWordsGiveTheTextAgain) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += fmt::format("a {} of lowercase Letters {}\n", i % 7, i % 3);
  import({write("text", text)},
         {{"tokens", "sentencepiece"},
          {"vocabulary", "40"},
          { "encoding",
            "latin-1" }},
         {1, 0, 0});
  std::string expected;
  for (const char c : text) expected += c == '\n' ? "<eos> " : std::string{c};
  expected.pop_back();
  EXPECT_EQ(text_of("train"), expected);
}

TEST_F(LinesTest, OneSourceIsCutFromFrontToBack) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "line " + std::to_string(100 + i) + "\n";
  import({write("text", text)}, {{ "tokens", "characters" }}, {0.8, 0.1, 0.1});
  EXPECT_EQ(text_of("train") + text_of("validation") + text_of("test"), text);
  EXPECT_EQ(text_of("test"), text.substr(text.size() - text.size() / 10));
}

TEST_F(LinesTest, BadInputIsToldWithItsPlaceAndLeavesNothing) {
  const auto refused = [&](const std::string& what, const auto& work) {
    try {
      work();
      ADD_FAILURE() << "must be refused: " << what;
    } catch (const Error& error) {
      EXPECT_NE((std::string(error.what()) + error.hint()).find(what), std::string::npos)
          << error.what();
    }
    EXPECT_FALSE(std::filesystem::exists(folder_.path() / "out"));
  };
  refused("latin1:2: byte 4 is not UTF-8", [&] { import({write("latin1", "ok\ncaf\xe9\n")}, {}); });
  refused("is not there", [&] { import({folder_.path() / "nothing"}, {}); });
  refused("no line", [&] { import({write("empty", "")}, {}); });
  refused("add up to 1", [&] { import({write("t", "a\n")}, {}, {0.5, 0.1, 0.1}); });
  refused("--train FILE", [&] { import({}, {}); });
  refused("either one SOURCE", [&] { import({write("t", "a\n")}, {{ "train", "x" }}); });
}

TEST_F(LinesTest, ACutGzipFileIsRefused) {
  const auto file = folder_.path() / "text.gz";
  const gzFile out = gzopen(file.c_str(), "wb");
  for (int i = 0; i < 5000; ++i) gzprintf(out, "line %d with some text %d\n", i, i * 7919 % 1000);
  gzclose(out);
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  EXPECT_THROW(import({file}, {}), Error);
}

}  // namespace
}  // namespace lockstep
