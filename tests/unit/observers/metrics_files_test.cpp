#include "trainer/observers/metrics_files.h"

#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/unit/observers/example_run.h"
#include "tests/unit/store/test_support.h"

namespace lockstep {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace lockstep::testing;  // example_*, files

class MetricsFilesTest : public ::testing::Test {
 protected:
  std::filesystem::path jsonl() const { return run_ / "metrics.jsonl"; }
  std::filesystem::path csv() const { return run_ / "metrics.csv"; }
  void play_until(int64_t epochs, int64_t start_step = 0) const {
    MetricsFiles files(run_.path());
    play(files, example_info(run_.path(), start_step), epochs);
  }
  static std::vector<std::string> lines_of(const std::filesystem::path& path) {
    std::istringstream text(read_all(path));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
  }
  /// "split step" of each line.
  std::vector<std::string> keys() const {
    std::vector<std::string> keys;
    for (const std::string& line : lines_of(jsonl())) {
      const auto json = nlohmann::json::parse(line);
      keys.push_back(
          fmt::format("{} {}", json["split"].get<std::string>(), json["step"].get<int>()));
    }
    return keys;
  }

  TempFolder run_;
};

TEST_F(MetricsFilesTest, OneObjectALineWithTheKeysOfTheContract) {
  play_until(1);
  EXPECT_THAT(keys(), ElementsAre("train 100", "train 200", "test 200", "train_epoch 200"));
  const auto train = nlohmann::json::parse(lines_of(jsonl()).at(0));
  const nlohmann::json expected = {{"step", 100},           {"epoch", 1},
                                   {"split", "train"},      {"loss", 0.5},
                                   {"accuracy", 0.75},      {"learning_rate", 0.001},
                                   {"gradient_norm", 1.25}, {"samples_per_second", 3200.0},
                                   {"seconds", 2.0}};
  EXPECT_EQ(train, expected);
}

TEST_F(MetricsFilesTest, CsvHasAColumnForEveryName) {
  play_until(1);
  EXPECT_THAT(
      lines_of(csv()),
      ElementsAre(
          "step,epoch,split,loss,accuracy,learning_rate,gradient_norm,samples_per_second,seconds",
          "100,1,train,0.5,0.75,0.001,1.25,3200,2", "200,1,train,0.5,0.75,0.001,1.25,3200,2",
          "200,1,test,0.25,0.9,,,20000,0.5", "200,1,train_epoch,0.6,0.7,,,3200,4"));
}

TEST_F(MetricsFilesTest, CsvGrowsAColumnForANewMetricAndQuotesNames) {
  MetricsFiles files(run_.path());
  files.on_start(example_info(run_.path()));
  files.on_interval(example_interval(100));
  EvaluationReport evaluation = example_evaluation(100, "hard, \"really\"");
  evaluation.metrics = {{"bleu, 4", 27.5}};
  files.on_evaluation(evaluation);
  const auto lines = lines_of(csv());
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_THAT(lines[0], EndsWith(",seconds,\"bleu, 4\""));
  EXPECT_THAT(lines[1], EndsWith(",2,"));
  EXPECT_THAT(lines[2], HasSubstr("100,1,\"hard, \"\"really\"\"\",,,"));
  EXPECT_THAT(lines[2], EndsWith(",27.5"));
}

TEST_F(MetricsFilesTest, WhatIsNotFiniteIsNullAndEmpty) {
  MetricsFiles files(run_.path());
  files.on_start(example_info(run_.path()));
  files.on_interval(example_interval(100, NAN));
  EXPECT_THAT(read_all(jsonl()), HasSubstr("\"loss\":null"));
  EXPECT_THAT(read_all(csv()), HasSubstr("100,1,train,,0.75"));
  EXPECT_TRUE(std::isnan(*read_metrics(jsonl(), 100).at(0).find("loss")));
}

TEST_F(MetricsFilesTest, AContinuedRunEqualsAnUninterruptedOne) {
  play_until(3);
  const std::string whole_jsonl = read_all(jsonl());
  const std::string whole_csv = read_all(csv());
  // Continued from a checkpoint after epoch 2: the lines of epoch 3 come anew, none twice.
  play_until(3, 400);
  EXPECT_EQ(read_all(jsonl()), whole_jsonl);
  EXPECT_EQ(read_all(csv()), whole_csv);
}

TEST_F(MetricsFilesTest, ALineTornAtAnyByteIsRepaired) {
  play_until(2);
  const std::string whole = read_all(jsonl());
  const std::string whole_csv = read_all(csv());
  const size_t first_epoch = whole.find("{\"step\":300");
  for (size_t size = first_epoch; size < whole.size(); size += 7) {
    write_all(jsonl(), whole.substr(0, size));
    write_all(csv(), whole_csv.substr(0, whole_csv.size() / 2));
    play_until(2, 200);
    ASSERT_EQ(read_all(jsonl()), whole) << size;
    ASSERT_EQ(read_all(csv()), whole_csv) << size;
  }
}

TEST_F(MetricsFilesTest, AFreshStartDropsWhatAnEarlierOneLeft) {
  play_until(2);
  play_until(1);
  EXPECT_THAT(keys(), ElementsAre("train 100", "train 200", "test 200", "train_epoch 200"));
}

TEST_F(MetricsFilesTest, ForeignLinesAreDropped) {
  write_all(jsonl(),
            "\n[]\n{\"step\":1}\n{\"step\":\"x\",\"epoch\":1,\"split\":\"train\"}\nnull\n\xff\n" +
                std::string(100000, '[') +
                "\n{\"step\":7,\"epoch\":1,\"split\":\"train\",\"loss\":2}\n");
  EXPECT_EQ(read_metrics(jsonl(), 100).size(), 1U);
  play_until(0, 100);
  EXPECT_THAT(keys(), ElementsAre("train 7"));
}

TEST_F(MetricsFilesTest, AFolderThatIsGoneIsASaveFailure) {
  MetricsFiles files(run_ / "gone");
  EXPECT_EQ(code_of([&] { files.on_start(example_info(run_ / "gone")); }), ExitCode::save_failed);
  files.on_interval(example_interval(100));
}

}  // namespace
}  // namespace lockstep
