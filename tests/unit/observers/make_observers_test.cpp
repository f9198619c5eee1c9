#include "trainer/observers/make_observers.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <sstream>

#include "tests/unit/observers/example_run.h"
#include "tests/unit/store/test_support.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace lockstep::testing;  // example_*, files

TEST(MakeObservers, LeavesAllFilesOfARun) {
  const TempFolder run;
  std::ostringstream terminal;
  Observers observers = make_observers({.run_dir = run.path(), .terminal = &terminal});
  play(observers, example_info(run.path()), 2);
  observers.on_finish(example_result());
  for (const char* name : {"metrics.jsonl", "metrics.csv", "report.html", "result.json"}) {
    EXPECT_GT(fs::file_size(run / name), 0U) << name;
  }
  EXPECT_EQ(run.entries(), 5U);
  EXPECT_THAT(terminal.str(), AllOf(HasSubstr("Training mnist"), HasSubstr("Finished")));
}

TEST(MakeObservers, WithoutFilesNothingIsWritten) {
  const TempFolder run;
  Observers observers = make_observers({.run_dir = run.path(), .files = false});
  play(observers, example_info(run.path()), 2);
  observers.on_finish(example_result());
  EXPECT_EQ(run.entries(), 0U);
}

TEST(MakeObservers, AFullDiskIsOneWarningEachAndTheRunGoesOn) {
  const TempFolder run;
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{300, 300};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    std::ostringstream terminal;
    Observers observers = make_observers({.run_dir = run.path(), .terminal = &terminal});
    play(observers, example_info(run.path()), 4);
    const bool thrown =
        code_of([&] { observers.on_finish(example_result()); }) == ExitCode::save_failed;
    const std::string text = terminal.str();
    const bool told =
        count_of(text, "no more ") == 3 && count_of(text, "no more metrics files") == 1;
    ::_exit(thrown && told && count_of(text, "Finished") == 1 ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  // Whole lines only.
  EXPECT_THAT(read_all(run / "metrics.jsonl"), ::testing::EndsWith("}\n"));
}

TEST(MakeObservers, AClosedTerminalDoesNotStopTheRun) {
  const TempFolder run;
  std::ostringstream terminal;
  terminal.setstate(std::ios::badbit);
  Observers observers = make_observers({.run_dir = run.path(), .terminal = &terminal});
  play(observers, example_info(run.path()), 2);
  observers.on_finish(example_result());
  EXPECT_TRUE(fs::exists(run / "result.json"));
}

}  // namespace
}  // namespace lockstep
