#include "launcher/ranks.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "data/base/error.h"
#include "launcher/last_error.h"
#include "launcher/signals.h"

namespace lockstep {
namespace {

using Kind = LaunchEnvironment::Kind;
const LaunchEnvironment kAlone{};

int wanted(std::optional<int> asked, const std::string& device, int64_t world_size, int gpus,
           LaunchEnvironment environment = kAlone) {
  RunConfig config;
  config.device = device;
  config.run.world_size = world_size;
  return ranks_wanted(asked, config, environment, [&] { return gpus; });
}

ExitCode refusal(std::optional<int> asked, int64_t world_size,
                 LaunchEnvironment environment = kAlone) {
  try {
    wanted(asked, "auto", world_size, 0, environment);
  } catch (const Error& error) {
    return error.code();
  }
  return ExitCode::done;
}

TEST(RanksWanted, AskedThenExpectedThenGpusThenOne) {
  EXPECT_EQ(wanted(3, "auto", 0, 8), 3);
  EXPECT_EQ(wanted({}, "auto", 4, 8), 4);
  EXPECT_EQ(wanted({}, "auto", 0, 8), 8);
  EXPECT_EQ(wanted({}, "cuda", 0, 2), 2);
  EXPECT_EQ(wanted({}, "cpu", 0, 8), 1);
  EXPECT_EQ(wanted({}, "auto", 0, 0), 1);
}

TEST(RanksWanted, InsideAJobTheJobSays) {
  EXPECT_EQ(wanted({}, "auto", 0, 8, {Kind::mpirun, 5}), 5);
  EXPECT_EQ(wanted(5, "auto", 0, 8, {Kind::srun, 5}), 5);
  EXPECT_EQ(refusal(4, 0, {Kind::mpirun, 5}), ExitCode::usage);
  EXPECT_EQ(refusal(4, 3), ExitCode::config);
  EXPECT_EQ(refusal(3, 3), ExitCode::done);
}

class RunOnRanksTest : public testing::Test {
 protected:
  void SetUp() override {
    run_dir_ =
        std::filesystem::temp_directory_path() / ("ranks_test." + std::to_string(::getpid()));
    std::filesystem::create_directories(run_dir_);
  }
  void TearDown() override { std::filesystem::remove_all(run_dir_); }

  int run(std::function<int(Communicator&)> work) {
    return run_on_ranks(kAlone, {60, true, run_dir_, std::move(work)});
  }

  std::filesystem::path run_dir_;
};

TEST_F(RunOnRanksTest, ReturnsTheWorksCode) {
  EXPECT_EQ(run([](Communicator& communicator) { return communicator.world_size(); }), 1);
  EXPECT_FALSE(read_last_error(run_dir_));
}

TEST_F(RunOnRanksTest, TellsAnErrorAndLeavesItInTheRunFolder) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(run([](Communicator&) -> int {
              throw Error(ExitCode::not_finite, "loss is nan", "lower it");
            }),
            79);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "lockstep: loss is nan\n  hint: lower it\n");
  const auto error = read_last_error(run_dir_);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ExitCode::not_finite);
  EXPECT_EQ(error->message, "loss is nan");
}

TEST_F(RunOnRanksTest, DoesNotTouchARunFolderThatIsNotItsOwn) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(run([](Communicator&) -> int {
              throw Error(ExitCode::run_directory, "owned by another job");
            }),
            73);
  EXPECT_EQ(run([](Communicator&) -> int { throw Error(ExitCode::config, "wrong"); }), 78);
  testing::internal::GetCapturedStderr();
  EXPECT_TRUE(std::filesystem::is_empty(run_dir_));
}

TEST_F(RunOnRanksTest, OtherExceptionsAreOurMistake) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(run([](Communicator&) -> int { throw std::out_of_range("index 3"); }), 70);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::ContainsRegex("rank 0@.*: index 3"));
  EXPECT_EQ(read_last_error(run_dir_)->code, ExitCode::bug);
}

TEST(LastErrorFile, SurvivesNonsense) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("last_error_test." + std::to_string(::getpid()));
  write_last_error(folder, {});
  EXPECT_FALSE(std::filesystem::exists(folder)) << "no folder, no file";
  std::filesystem::create_directories(folder);
  for (const char* text : {"", "{", "[]", "{}", R"({"rank": "x"})", R"({"rank": 1, "host": 5})"}) {
    std::ofstream(folder / "last_error.json") << text;
    EXPECT_FALSE(read_last_error(folder)) << text;
  }
  write_last_error(folder, {2, "h\xff", ExitCode::device, "message", {}});
  const auto first = read_last_error(folder);
  write_last_error(folder, {2, "h\xff", ExitCode::device, "message", {}});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->rank, 2);
  EXPECT_FALSE(*first == *read_last_error(folder)) << "two failures can be told apart";
  std::filesystem::remove_all(folder);
}

TEST(StopHandlers, SetTheFlagForEachSignal) {
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2}) {
    const pid_t child = ::fork();
    if (child == 0) {
      const std::atomic<bool>& stop = install_stop_handlers();
      if (stop) ::_exit(1);
      ::raise(signal);
      ::_exit(stop ? 42 : 2);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 42) << signal;
  }
}

TEST(StopHandlers, ASecondInterruptEndsTheProcess) {
  const pid_t child = ::fork();
  if (child == 0) {
    install_stop_handlers();
    ::raise(SIGINT);
    ::raise(SIGINT);
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}

}  // namespace
}  // namespace lockstep
