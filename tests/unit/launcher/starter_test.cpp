// The starter with a shell script in mpirun's place: what it is told, what it is sent, how its
// endings are read.
#include "launcher/starter.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include "data/base/error.h"

namespace lockstep {
namespace {

using testing::HasSubstr;

std::string content_of(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class StarterTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() / ("starter_test." + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ / "run/checkpoints");
    path_before_ = std::getenv("PATH");
    ::setenv("PATH", (folder_.string() + ":" + path_before_).c_str(), 1);
    ::setenv("STARTER_TEST", folder_.c_str(), 1);
    plan_.program = "/bin/lockstep";
    plan_.arguments = {"train", "a.yaml", "--resume", "never"};
    plan_.continue_arguments = {"train", "a.yaml", "--resume", "auto"};
    plan_.ranks = 2;
    plan_.run_dir = folder_ / "run";
    plan_.max_restarts = 3;
  }
  void TearDown() override {
    ::setenv("PATH", path_before_.c_str(), 1);
    std::filesystem::remove_all(folder_);
  }

  /// `body` runs with the start's number in $start and the folder in $STARTER_TEST.
  void fake_mpirun(const std::string& body) {
    const std::filesystem::path file = folder_ / "mpirun";
    std::ofstream(file) << "#!/bin/sh\ncd \"$STARTER_TEST\"\necho \"$@\" >> starts\n"
                        << "start=$(wc -l < starts)\n"
                        << body << "\n";
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }

  int starts() const {
    const std::string text = content_of(folder_ / "starts");
    return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  }

  ExitCode start() { return start_ranks(plan_, messages_); }

  /// Starts in a child process, so that it can be signalled and its output read; returns its pid.
  pid_t start_in_child() {
    const pid_t child = ::fork();
    if (child != 0) return child;
    std::ostringstream ignored;
    const ExitCode code = start_ranks(plan_, ignored);
    ::_exit(static_cast<int>(code));
  }

  bool wait_for(const std::function<bool()>& condition, double seconds = 10) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (std::chrono::steady_clock::now() < limit) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return condition();
  }

  static int exit_code_of(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }

  std::filesystem::path folder_;
  std::string path_before_;
  StartPlan plan_;
  std::ostringstream messages_;
};

TEST_F(StarterTest, TellsMpirunWhatToRun) {
  fake_mpirun("exit 0");
  EXPECT_EQ(start(), ExitCode::done);
  const std::string words = content_of(folder_ / "starts");
  EXPECT_THAT(words, HasSubstr("-n 2 /bin/lockstep train a.yaml --resume never\n"));
  EXPECT_EQ(words.find("--allow-run-as-root") != std::string::npos, ::geteuid() == 0);
  EXPECT_EQ(messages_.str(), "");
}

TEST_F(StarterTest, PassesOurExitCodesOn) {
  for (const int code : {64, 65, 66, 70, 73, 74, 75, 78, 79, 80}) {
    fake_mpirun("exit " + std::to_string(code));
    EXPECT_EQ(static_cast<int>(start()), code);
  }
  EXPECT_EQ(starts(), 10) << "only a lost rank is a reason to start again";
}

TEST_F(StarterTest, StartsAgainFromTheCheckpointAfterALostRank) {
  fake_mpirun(
      "mkdir -p run/checkpoints/step-0000000$start; touch "
      "run/checkpoints/step-0000000$start/state.json\n"
      "[ $start -ge 3 ] && exit 0; exit 137");
  EXPECT_EQ(start(), ExitCode::done);
  EXPECT_EQ(starts(), 3);
  std::istringstream lines(content_of(folder_ / "starts"));
  std::string line;
  std::getline(lines, line);
  EXPECT_THAT(line, HasSubstr("--resume never"));
  std::getline(lines, line);
  EXPECT_THAT(line, HasSubstr("--resume auto"));
  EXPECT_THAT(messages_.str(), HasSubstr("starting again from step 1 (restart 1 of 3)"));
}

TEST_F(StarterTest, KeepsItsWordsWhileThereIsNoNewCheckpoint) {
  fake_mpirun("[ $start -ge 2 ] && exit 0; exit 137");
  EXPECT_EQ(start(), ExitCode::done);
  EXPECT_EQ(content_of(folder_ / "starts").find("--resume auto"), std::string::npos);
}

TEST_F(StarterTest, GivesUpWhenNoCheckpointAppears) {
  plan_.max_restarts = 100;
  std::filesystem::create_directories(folder_ / "run/checkpoints/step-00000007");
  std::ofstream(folder_ / "run/checkpoints/step-00000007/state.json") << "{}";
  fake_mpirun("exit 139");
  EXPECT_EQ(start(), ExitCode::bug);
  EXPECT_EQ(starts(), 3);
  EXPECT_THAT(messages_.str(), HasSubstr("3 starts in a row"));
}

TEST_F(StarterTest, StartsAgainOnlySoOften) {
  plan_.max_restarts = 1;
  fake_mpirun("exit 137");
  EXPECT_EQ(start(), ExitCode::peer_lost);
  EXPECT_EQ(starts(), 2);
}

TEST_F(StarterTest, HalfACheckpointIsNoProgress) {
  plan_.max_restarts = 100;
  fake_mpirun("mkdir -p run/checkpoints/step-0000000$start; exit 137");
  EXPECT_EQ(start(), ExitCode::bug);
  EXPECT_EQ(starts(), 3);
}

TEST_F(StarterTest, ReadsTheLastErrorOfThisStartOnly) {
  const std::string error =
      R"({"rank": 1, "host": "n1", "exit_code": 69, "message": "no GPU", "written": "$1"})";
  std::ofstream(folder_ / "run/last_error.json")
      << R"({"rank":0,"host":"n","exit_code":80,"message":"old","written":"1"})";
  plan_.max_restarts = 0;
  fake_mpirun("exit 1");
  EXPECT_EQ(start(), ExitCode::peer_lost);
  fake_mpirun("echo '" + error + "' > run/last_error.json; exit 1");
  EXPECT_EQ(start(), ExitCode::device);
  EXPECT_THAT(messages_.str(), HasSubstr("rank 1 on n1: no GPU"));
}

TEST_F(StarterTest, MissingMpirunIsSaidSo) {
  ::setenv("PATH", (folder_ / "empty").c_str(), 1);
  try {
    start();
    FAIL() << "started something";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::missing);
    EXPECT_THAT(error.hint(), HasSubstr("openmpi"));
  }
}

TEST_F(StarterTest, AnMpirunThatCannotRunIsSaidSo) {
  std::ofstream(folder_ / "mpirun") << "#!/no/such/interpreter\n";
  std::filesystem::permissions(folder_ / "mpirun", std::filesystem::perms::owner_all);
  EXPECT_THROW(start(), Error);
}

TEST_F(StarterTest, ForwardsARequestToStopAsSigusr1) {
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGHUP}) {
    fake_mpirun(
        "trap 'echo usr1 >> signals; exit 75' USR1; trap 'echo term >> signals; exit 1' TERM\n"
        "touch ready; while :; do sleep 0.02; done");
    const pid_t child = start_in_child();
    ASSERT_TRUE(wait_for([&] { return std::filesystem::exists(folder_ / "ready"); }));
    ::kill(child, signal);
    EXPECT_EQ(exit_code_of(child), 75);
    EXPECT_EQ(content_of(folder_ / "signals"), "usr1\n") << signal;
    std::filesystem::remove(folder_ / "ready");
    std::filesystem::remove(folder_ / "signals");
  }
}

TEST_F(StarterTest, ASecondInterruptEndsTheJob) {
  fake_mpirun(
      "trap 'touch asked' USR1; trap 'exit 1' TERM\ntouch ready; while :; do sleep 0.02; done");
  const pid_t child = start_in_child();
  ASSERT_TRUE(wait_for([&] { return std::filesystem::exists(folder_ / "ready"); }));
  ::kill(child, SIGINT);
  ASSERT_TRUE(wait_for([&] { return std::filesystem::exists(folder_ / "asked"); }));
  ::kill(child, SIGINT);
  EXPECT_EQ(exit_code_of(child), 76);
  EXPECT_EQ(starts(), 1) << "a job that was to stop is not started again";
}

TEST_F(StarterTest, RepeatsARequestThatCameTooEarly) {
  fake_mpirun(
      "trap '' USR1; touch ready; sleep 0.5; trap 'exit 75' USR1; while :; do sleep 0.02; done");
  const pid_t child = start_in_child();
  ASSERT_TRUE(wait_for([&] { return std::filesystem::exists(folder_ / "ready"); }));
  ::kill(child, SIGUSR1);
  EXPECT_EQ(exit_code_of(child), 75);
}

TEST_F(StarterTest, MpirunDoesNotOutliveUs) {
  fake_mpirun("trap 'touch ended; exit 1' TERM; touch ready; while :; do sleep 0.02; done");
  const pid_t child = start_in_child();
  ASSERT_TRUE(wait_for([&] { return std::filesystem::exists(folder_ / "ready"); }));
  ::kill(child, SIGKILL);
  EXPECT_EQ(exit_code_of(child), 1000 + SIGKILL);
  EXPECT_TRUE(wait_for([&] { return std::filesystem::exists(folder_ / "ended"); }));
}

TEST_F(StarterTest, OutputThatNobodyReadsIsNoReasonToStop) {
  fake_mpirun(
      "i=0; while [ $i -lt 200 ]; do echo line $i; echo line $i >&2; i=$((i+1)); done; touch done");
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], 1);
    ::dup2(ends[1], 2);
    ::close(ends[0]);
    ::close(ends[1]);
    std::ostringstream ignored;
    ::_exit(static_cast<int>(start_ranks(plan_, ignored)));
  }
  ::close(ends[0]);
  ::close(ends[1]);
  EXPECT_EQ(exit_code_of(child), 0);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "done"));
}

TEST(MpirunOptions, ShareTheCores) {
  const auto text = [](int ranks, int cores) {
    std::string all;
    for (const std::string& option : mpirun_options(ranks, cores)) all += option + " ";
    return all;
  };
  EXPECT_THAT(text(2, 2), HasSubstr("--map-by slot:PE=1 --bind-to core -n 2"));
  EXPECT_THAT(text(2, 9), HasSubstr("--map-by slot:PE=4 --bind-to core -n 2"));
  EXPECT_THAT(text(4, 2), HasSubstr("--oversubscribe --bind-to none -n 4"));
  EXPECT_GE(usable_cores(), 1);
}

}  // namespace
}  // namespace lockstep
