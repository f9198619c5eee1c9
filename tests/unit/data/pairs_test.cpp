// Questions with candidate answers.
#include "data/import/pairs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/base/atomic_file.h"
#include "data/dataset.h"
#include "tests/unit/base/temp_folder.h"
#include "tests/unit/data/tool_run.h"

namespace lockstep {
namespace {

using ::testing::ElementsAre;
using testing::expect_error;
using ::testing::HasSubstr;
using testing::text_of;
using testing::ToolOptions;

class PairsTest : public ::testing::Test {
 protected:
  std::string import(const std::string& text, ToolOptions options) {
    write_file_atomically(folder_ / "pairs.tsv", text);
    options.insert({{"form", "tsv"},
                    {"group_column", "1"},
                    {"text_column", "2"},
                    {"label_column", "3"},
                    {"lowercase", "true"}});
    return testing::run_tool(pairs_importer(), {folder_ / "pairs.tsv"}, folder_ / "out", options);
  }
  Split train() { return Dataset(folder_ / "out").open_split("train"); }

  testing::TempFolder folder_;
};

TEST_F(PairsTest, KeepsAQuestionsCandidatesTogether) {
  import(
      "Who paints houses\tA painter paints\t1\n"
      "who knows\tnobody\t0\n"
      "Who paints houses\tthe house\t0\n"
      "where to\tto where ?\t1\n",
      {{ "split",
         "1,0,0" }});
  const Split split = train();
  ASSERT_EQ(split.size(), 2) << "a question without a right answer is left out";
  EXPECT_EQ(text_of(folder_ / "out", "train", 0, "inputs"), "who paints houses");
  EXPECT_THAT(split.numbers(0, 2), ElementsAre(3, 2));
  EXPECT_THAT(split.numbers(0, 3), ElementsAre(0, 0, 0, 2, 2, 2, 0, 0, 0, 3));
  EXPECT_THAT(split.numbers(0, 4), ElementsAre(1, 0));
  EXPECT_THAT(split.numbers(1, 3), ElementsAre(2, 2, 1, 1, 0, 0));
  EXPECT_THAT(read_manifest(folder_ / "out").source, HasSubstr("1 questions without"));
}

TEST_F(PairsTest, OthersAnswersAreWrongOnes) {
  std::string text;
  for (int i = 0; i < 30; ++i) text += fmt::format("question {}\tanswer {}\tyes\n", i, i % 10);
  import(text, {{"split", "0.5,0,0.5"}, {"right", "yes,right"}, { "others", "4" }});
  const Split test = Dataset(folder_ / "out").open_split("test");
  ASSERT_EQ(test.size(), 15);
  for (int64_t id = 0; id < test.size(); ++id) {
    EXPECT_THAT(test.numbers(id, 4), ElementsAre(1, 0, 0, 0, 0));
  }
  EXPECT_EQ(train().numbers(0, 4).size(), 1u);
}

TEST_F(PairsTest, NotesWhatCannotBeRanked) {
  write_file_atomically(folder_ / "faq.tsv",
                        "q1\ta\t1\nq2\tb\t1\nq3\tc\t1\nq4\td\t1\nq5\te\t1\n"
                        "q6\tf\t1\nq7\tg\t1\nq8\th\t0\n");
  ToolOptions options = {{"form", "tsv"},
                         {"group_column", "1"},
                         {"text_column", "2"},
                         {"label_column", "3"},
                         {"split", "0.5,0,0.5"}};
  const auto notes = [&] {
    std::filesystem::remove_all(folder_ / "out");
    return testing::notes_of(pairs_importer(), {folder_ / "faq.tsv"}, folder_ / "out", options);
  };
  const std::string told = notes();
  EXPECT_THAT(told, HasSubstr("1 questions without a right answer left out\n"));
  EXPECT_THAT(told,
              HasSubstr("train: no question has a wrong answer, so only model.matching: dual"));
  EXPECT_THAT(told, HasSubstr("test: no question has a wrong answer, so there is nothing to rank"));
  options["others"] = "1";
  EXPECT_THAT(notes(), ::testing::Not(HasSubstr("test: ")));
}

TEST_F(PairsTest, TellsWhatIsWrong) {
  const ToolOptions options = {{"split", "1,0,0"}, {"max_rejected", "0.9"}};
  const std::string told = import("q\ta\t1\nq\t \t1\nq\n", options);
  EXPECT_THAT(told, HasSubstr("pairs.tsv:2: has no text"));
  EXPECT_THAT(told, HasSubstr("pairs.tsv:3: has 1 column"));
  std::filesystem::remove_all(folder_ / "out");
  expect_error(ExitCode::corrupt, "no training question has a right answer", [&] {
    import("q\ta\t0\n", {{ "split", "1,0,0" }});
  });
}

}  // namespace
}  // namespace lockstep
