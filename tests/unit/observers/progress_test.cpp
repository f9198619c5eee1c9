#include "trainer/observers/progress.h"

#include <gmock/gmock.h>

#include <cmath>
#include <sstream>

#include "tests/unit/observers/example_run.h"

namespace lockstep {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace lockstep::testing;  // example_*

std::string told(const std::function<void(Progress&)>& events, bool colours = false,
                 bool files = true) {
  std::ostringstream out;
  Progress progress(out, colours, files);
  events(progress);
  return out.str();
}

/// The line that holds `part`, empty when there is none.
std::string line_with(const std::string& text, const std::string& part) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(part) != std::string::npos) return line;
  }
  return "";
}

TEST(Progress, StartTellsWhatRuns) {
  const std::string text =
      told([](Progress& progress) { progress.on_start(example_info("runs/mnist", 400)); });
  EXPECT_THAT(text, AllOf(HasSubstr("Training mnist"), HasSubstr("lstm 28 -> 128"),
                          HasSubstr("81,674 parameters"),
                          HasSubstr("60,000 samples, 64 in a global batch"), HasSubstr("2 x cpu"),
                          HasSubstr("node01 (2 ranks)"), HasSubstr("2,000, 200 to an epoch"),
                          HasSubstr("continued after step 400"), HasSubstr("runs/mnist")));
}

TEST(Progress, AnIntervalIsOneLine) {
  const std::string text = told([](Progress& progress) {
    progress.on_start(example_info("runs/mnist"));
    progress.on_interval(example_interval(100));
  });
  const std::string line = line_with(text, "/2,000");
  EXPECT_EQ(line,
            "epoch  1   step   100/2,000   loss   0.5000   accuracy  75.00 %   lr 0.001"
            "     3,200 samples/s   38.0 s left");
}

TEST(Progress, AnyMetricWillDo) {
  IntervalReport report = example_interval(2000);
  report.metrics = {{"loss", NAN}, {"perplexité", 114.6}, {"a very long name of a metric", 1e12}};
  const std::string text = told([&](Progress& progress) {
    progress.on_start(example_info("x"));
    progress.on_interval(report);
    EpochReport epoch = example_epoch(1);
    epoch.train = report.metrics;
    epoch.evaluations.clear();
    progress.on_epoch(epoch);
    progress.on_epoch(example_epoch(2));
  });
  EXPECT_THAT(text, AllOf(HasSubstr("loss      nan"), HasSubstr("perplexité   114.60"),
                          HasSubstr("1.000e+12"), HasSubstr("train perplexité"),
                          HasSubstr("test accuracy"), Not(HasSubstr("left"))));
}

TEST(Progress, RowsStandUnderTheirHeader) {
  const std::string text = told([](Progress& progress) {
    progress.on_start(example_info("x"));
    progress.on_epoch(example_epoch(1));
    progress.on_epoch(example_epoch(2));
  });
  EXPECT_EQ(count_of(text, "train accuracy"), 1U);
  const std::string header = line_with(text, "train loss");
  EXPECT_EQ(header,
            "  epoch  train loss  train accuracy  test loss  test accuracy  seconds  samples/s");
  EXPECT_EQ(line_with(text, "      2  "),
            "      2      0.6000         70.00 %     0.2500        90.00 %     4.00      3,200");
}

TEST(Progress, LinesAreAtMost120CharactersWide) {
  const std::string text = told([](Progress& progress) {
    progress.on_start(example_info("x"));
    EpochReport epoch = example_epoch(1);
    for (int i = 1; i <= 20; ++i) {
      epoch.evaluations[0].metrics.emplace_back(fmt::format("figure_{}", i), 0.001 * i);
    }
    progress.on_epoch(epoch);
    RunResult result = example_result();
    result.evaluations = epoch.evaluations;
    progress.on_finish(result);
  });
  const std::string header = line_with(text, "train accuracy");
  EXPECT_THAT(header, AllOf(HasSubstr("test figure_2"), HasSubstr("samples/s")));
  EXPECT_THAT(header, Not(HasSubstr("figure_9")));
  EXPECT_THAT(line_with(text, "figure_20"), Not(HasSubstr("test")));  // on a line that goes on
  std::istringstream lines(text.substr(text.find("train accuracy")));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 120U) << line;
}

TEST(Progress, TheWholeTableComesAtTheEndWhenLinesCameBetween) {
  const std::string text = told([](Progress& progress) {
    play(progress, example_info("x"), 3);
    progress.on_finish(example_result());
  });
  // After each epoch, and once for all.
  EXPECT_EQ(count_of(text, "train accuracy"), 4U);
  EXPECT_EQ(count_of(text, "\n      2 "), 2U);
}

TEST(Progress, EvaluationsWithinAnEpochGetALine) {
  const std::string text = told([](Progress& progress) {
    progress.on_start(example_info("x"));
    progress.on_evaluation(example_evaluation(150, "validation"));
    progress.on_evaluation(example_evaluation(200, "validation"));
  });
  EXPECT_EQ(count_of(text, "(validation)"), 1U);
  EXPECT_THAT(line_with(text, "(validation)"), AllOf(HasSubstr("150"), HasSubstr("90.00 %")));
}

TEST(Progress, TheEndTellsFiguresTimeAndPlaces) {
  const std::string text = told([](Progress& progress) {
    progress.on_start(example_info("runs/mnist"));
    progress.on_finish(example_result());
  });
  EXPECT_THAT(
      text, AllOf(HasSubstr("Finished after 2,000 steps in 50.0 s"), HasSubstr("accuracy  90.00 %"),
                  HasSubstr("3,200 samples/s, a step 18.5 ms"), HasSubstr("300.0 MiB"),
                  HasSubstr("runs/mnist/report.html"), HasSubstr("step-00002000")));
  EXPECT_THAT(line_with(text, "computing"), HasSubstr("60.0 %"));
  EXPECT_THAT(line_with(text, "everything else"), HasSubstr("10.0 %"));
  EXPECT_THAT(line_with(text, "hint"),
              AllOf(HasSubstr("waiting for data took 8 %"), HasSubstr("data.prefetch")));
  EXPECT_THAT(text, Not(HasSubstr("Run the same command")));
}

TEST(Progress, ADrainedRunSaysHowToGoOnAndAFailedOneWhy) {
  RunResult result = example_result();
  result.status = "drained";
  EXPECT_THAT(told([&](Progress& progress) { progress.on_finish(result); }),
              HasSubstr("Run the same command again to go on"));
  result.status = "failed";
  result.message = "rank 1 on node02 was lost";
  EXPECT_THAT(told([&](Progress& progress) { progress.on_finish(result); }),
              AllOf(HasSubstr("Failed after"), HasSubstr("rank 1 on node02")));
}

TEST(Progress, ColoursOnlyOnATerminal) {
  const auto events = [](Progress& progress) {
    play(progress, example_info("x"), 2);
    progress.on_warning("careful");
    progress.on_finish(example_result());
  };
  EXPECT_EQ(told(events).find('\x1b'), std::string::npos);
  EXPECT_THAT(told(events, true), HasSubstr("\x1b[1;31mwarning: \x1b[0mcareful"));
}

TEST(Progress, WithoutFilesItPointsToNone) {
  const auto events = [](Progress& progress) {
    progress.on_start(example_info("runs/mnist"));
    progress.on_finish(example_result());
  };
  EXPECT_THAT(told(events, false, false),
              AllOf(Not(HasSubstr("report.html")), HasSubstr("step-00002000")));
}

}  // namespace
}  // namespace lockstep
