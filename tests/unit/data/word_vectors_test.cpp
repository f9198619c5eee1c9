// Word vectors in GloVe's text format, good and bad.
#include "data/import/word_vectors.h"

#include <gmock/gmock.h>

#include "data/base/atomic_file.h"
#include "data/base/error.h"
#include "tests/unit/base/temp_folder.h"

namespace lockstep {
namespace {

using lockstep::testing::TempFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class WordVectors : public ::testing::Test {
 protected:
  std::vector<bool> read(const std::string& text, const std::vector<std::string>& words) {
    write_file_atomically(folder_.path() / "vectors.txt", text);
    rows_.assign(2 * words.size(), 9);
    return read_word_vectors(folder_.path() / "vectors.txt", words, 2, rows_.data());
  }
  std::string problem_with(const std::string& text) {
    try {
      read(text, {"a"});
      return "";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::corrupt);
      return error.what();
    }
  }

  TempFolder folder_;
  std::vector<float> rows_;
};

TEST_F(WordVectors, AreFoundByWord) {
  EXPECT_THAT(read("b 1 2\na -0.5 1e-1\nc 3 4\n", {"a", "b", "z"}), ElementsAre(true, true, false));
  EXPECT_THAT(rows_, ElementsAre(-0.5F, 0.1F, 1, 2, 9, 9));
}

TEST_F(WordVectors, LowerCaseServesWhereTheWordItselfIsMissing) {
  EXPECT_THAT(read("the 1 2\nThe 3 4\nrome 5 6\n", {"The", "the", "Rome"}),
              ElementsAre(true, true, true));
  EXPECT_THAT(rows_, ElementsAre(3, 4, 1, 2, 5, 6));
}

TEST_F(WordVectors, HeaderSpacesAndRepetitionsAreTaken) {
  EXPECT_THAT(read("3 2\r\na 1 2\r\n. . 5 6\r\na 7 8\r\n", {"a", ". ."}), ElementsAre(true, true));
  EXPECT_THAT(rows_, ElementsAre(1, 2, 5, 6));
}

TEST_F(WordVectors, BadLinesAreRefusedWithTheirPlace) {
  EXPECT_THAT(problem_with("a 1\n"), HasSubstr("vectors.txt:1"));
  EXPECT_THAT(problem_with("a 1 2 3\n"), HasSubstr("not 2 numbers"));
  EXPECT_THAT(problem_with("a 1 2\nb 1 x\n"), HasSubstr("vectors.txt:2"));
  EXPECT_THAT(problem_with("a 1 2\nb inf 2\n"), HasSubstr("vectors.txt:2"));
  EXPECT_THAT(problem_with("a 1 2\nb 1e999 2\n"), HasSubstr("vectors.txt:2"));
  EXPECT_THAT(problem_with("a 1 2\n 1 2\n"), HasSubstr("no word"));
  EXPECT_EQ(problem_with(""), "");
}

}  // namespace
}  // namespace lockstep
