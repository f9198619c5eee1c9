// Saves that are cut short by the system: no space, a kill at every system call that matters.
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>

#include "tests/unit/store/checkpoint_fixture.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using testing::names_in;
using testing::newest_step;
using testing::save;
using testing::TempFolder;

constexpr const char* kFolderVariable = "LOCKSTEP_TEST_SAVE_INTO";

TEST(CheckpointCrash, AFullDiskLeavesTheOldOneAndNothingElse) {
  const TempFolder run;
  CheckpointStore store(run.path());
  save(store, 1);
  const fs::path folder = run.path() / "checkpoints";
  const size_t file_bytes =
      fs::file_size(folder / "step-00000001" / "optimizer.safetensors") + 8000;
  // Each limit stops another of the three files, most of them half-way.
  for (size_t limit = 0; limit < file_bytes; limit += 199) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::signal(SIGXFSZ, SIG_IGN);
      const rlimit bytes{limit, limit};
      ::setrlimit(RLIMIT_FSIZE, &bytes);
      ::_exit(static_cast<int>(testing::code_of([&] { save(store, 2, 1, 1000); })));
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    ASSERT_EQ(WEXITSTATUS(status), 74) << "limit " << limit;
    ASSERT_THAT(names_in(folder), ElementsAre("step-00000001"));
    ASSERT_EQ(newest_step(store), 1);
  }
}

/// What the killed process does; runs only when the test below starts it.
TEST(CheckpointCrash, DISABLED_SaveAgain) {
  const char* folder = std::getenv(kFolderVariable);
  ASSERT_NE(folder, nullptr);
  CheckpointStore store(folder);
  save(store, 2);
  save(store, 2);
  store.keep_newest(1);
}

/// Whether the process was killed at its `nth` call of `system_call`.
bool save_killed_at(const std::string& system_call, int nth, const fs::path& folder) {
  // Under AddressSanitizer the search for leaks is off: it cannot run in a process that is traced.
  const std::string command = fmt::format(
      "ASAN_OPTIONS=detect_leaks=0 {}={} strace -f -qq -o /dev/null -e trace={} -e "
      "inject={}:signal=SIGKILL:when={} {} "
      "--gtest_also_run_disabled_tests --gtest_filter=CheckpointCrash.DISABLED_SaveAgain "
      ">/dev/null 2>&1",
      kFolderVariable, folder.string(), system_call, system_call, nth,
      fs::read_symlink("/proc/self/exe").string());
  const int status = std::system(command.c_str());
  const bool killed =
      WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGKILL);
  EXPECT_TRUE(killed || status == 0) << command << " ended with " << status;
  return killed;
}

class CheckpointKill : public ::testing::TestWithParam<const char*> {};

TEST_P(CheckpointKill, AtAnyCallLeavesAnIntactOne) {
  if (std::system("strace -qq -o /dev/null true 2>/dev/null") != 0) {
    GTEST_SKIP() << "strace is not here or may not trace";
  }
  int kills = 0;
  for (int nth = 1;; ++nth) {
    const TempFolder run;
    CheckpointStore store(run.path());
    save(store, 1);
    const bool killed = save_killed_at(GetParam(), nth, run.path());
    std::vector<std::string> warnings;
    const int64_t newest = newest_step(store, &warnings);
    ASSERT_TRUE(newest == 1 || newest == 2) << newest;
    // Old or new, but never a damaged one in sight.
    ASSERT_TRUE(warnings.empty()) << warnings.front();
    if (!killed) {
      ASSERT_EQ(newest, 2);
      break;
    }
    ++kills;
    save(store, 3, 2);
    store.keep_newest(1);
    ASSERT_THAT(names_in(run.path() / "checkpoints"), ElementsAre("step-00000003"));
  }
  EXPECT_GT(kills, 0);
}

INSTANTIATE_TEST_SUITE_P(Calls, CheckpointKill,
                         ::testing::Values("write", "fsync", "rename", "mkdir", "openat",
                                           "unlinkat"),
                         [](const auto& call) { return std::string(call.param); });

}  // namespace
}  // namespace lockstep
