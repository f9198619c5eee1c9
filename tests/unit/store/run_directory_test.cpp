#include "trainer/run_directory.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "tests/unit/store/test_support.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::code_of;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::TempFolder;
using testing::text_of;

/// Forks; the child ends with what `action` returns.
pid_t in_child(const std::function<int()>& action) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(action());
  return child;
}

int exit_code_of(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int try_to_own(const fs::path& folder) {
  return static_cast<int>(code_of([&] { const RunDirectory run(folder); }));
}

TEST(RunDirectory, IsCreatedWithItsParentsAndNamesItsOwner) {
  const TempFolder temp;
  ::setenv("SLURM_JOB_ID", "4242", 1);
  const RunDirectory run(temp.path() / "runs" / "mnist");
  ::unsetenv("SLURM_JOB_ID");
  const auto owner = read_run_owner(run.folder());
  ASSERT_TRUE(owner);
  EXPECT_EQ(owner->pid, ::getpid());
  EXPECT_TRUE(owner->is_this_process());
  EXPECT_TRUE(run.locked());
  EXPECT_THAT(owner->text(),
              AllOf(HasSubstr(std::to_string(::getpid())), HasSubstr("Slurm job 4242")));
  EXPECT_FALSE(fs::exists(run.folder() / fmt::format(".probe-{}", ::getpid())));
}

TEST(RunDirectory, CountsItsStarts) {
  const TempFolder temp;
  for (int64_t start = 1; start <= 3; ++start) {
    EXPECT_EQ(RunDirectory(temp.path()).incarnation(), start);
  }
  testing::write_all(temp.path() / "run.lock", "{\"torn");
  EXPECT_FALSE(read_run_owner(temp.path()));
  EXPECT_EQ(RunDirectory(temp.path()).incarnation(), 1);
}

TEST(RunDirectory, ASecondJobIsRefusedAndToldWhoHoldsIt) {
  const TempFolder temp;
  const RunDirectory first(temp.path());
  const std::string before = testing::read_all(temp.path() / "run.lock");
  try {
    const RunDirectory second(temp.path());
    FAIL() << "two owners";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::run_directory);
    EXPECT_THAT(error.what(), HasSubstr(fmt::format("in use by process {}", ::getpid())));
  }
  EXPECT_EQ(testing::read_all(temp.path() / "run.lock"), before);
}

TEST(RunDirectory, TheLockOfAKilledOwnerIsTakenOver) {
  const TempFolder temp;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t owner = in_child([&] {
    const RunDirectory run(temp.path());
    if (::write(ready[1], "x", 1) != 1) return 1;
    for (;;) ::pause();
  });
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(try_to_own(temp.path()), 73);
  ::kill(owner, SIGKILL);
  exit_code_of(owner);
  EXPECT_EQ(try_to_own(temp.path()), 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(RunDirectory, OfTwentyStartsAtOnceExactlyOneWins) {
  const TempFolder temp;
  int finish[2];
  ASSERT_EQ(::pipe(finish), 0);
  std::vector<pid_t> children;
  for (int i = 0; i < 20; ++i) {
    children.push_back(in_child([&] {
      ::close(finish[1]);
      try {
        const RunDirectory run(temp.path());
        char byte = 0;
        // Holds the folder until the parent has seen all others leave.
        return ::read(finish[0], &byte, 1) == 0 ? 0 : 1;
      } catch (const Error& error) {
        return static_cast<int>(error.code());
      }
    }));
  }
  int refused = 0;
  for (int i = 0; i < 19; ++i) {
    int status = 0;
    ASSERT_GT(::waitpid(-1, &status, 0), 0);
    refused += WIFEXITED(status) && WEXITSTATUS(status) == 73 ? 1 : 0;
  }
  EXPECT_EQ(refused, 19);
  ::close(finish[1]);
  int status = 0;
  ASSERT_GT(::waitpid(-1, &status, 0), 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  ::close(finish[0]);
}

TEST(RunDirectory, APathThatIsAFileIsRefused) {
  const TempFolder temp;
  testing::write_all(temp.path() / "file", "x");
  EXPECT_EQ(try_to_own(temp.path() / "file"), 73);
  EXPECT_EQ(try_to_own(temp.path() / "file" / "below"), 73);
  EXPECT_THAT(text_of([&] { const RunDirectory run(temp.path() / "file"); }),
              HasSubstr("is a file"));
  EXPECT_EQ(testing::read_all(temp.path() / "file"), "x");
}

TEST(RunDirectory, ALockThatIsALinkIsNotFollowed) {
  const TempFolder temp;
  testing::write_all(temp.path() / "victim", "precious");
  fs::create_directory(temp.path() / "run");
  fs::create_symlink(temp.path() / "victim", temp.path() / "run" / "run.lock");
  EXPECT_EQ(try_to_own(temp.path() / "run"), 73);
  EXPECT_EQ(testing::read_all(temp.path() / "victim"), "precious");
}

TEST(RunDirectory, AFolderThatCannotBeWrittenIsRefused) {
  const TempFolder temp;
  fs::permissions(temp.path(), fs::perms{0755});
  const fs::path run = temp.path() / "run";
  fs::create_directory(run);
  testing::write_all(run / "run.lock", "");
  fs::permissions(run / "run.lock", fs::perms{0666});
  fs::permissions(run, fs::perms{0555});
  // The super-user may write anywhere, so the child becomes nobody.
  const pid_t child = in_child([&] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) return 99;
    return try_to_own(run);
  });
  EXPECT_EQ(exit_code_of(child), 73);
}

TEST(RequireSameConfig, ListsEveryDifferenceWithBothValues) {
  const std::map<std::string, std::string> saved = {
      {"batch.size", "64"}, {"model.hidden", "128"}, {"train.epochs", "10"}, {"gone", "1"}};
  const std::map<std::string, std::string> now = {
      {"batch.size", "32"}, {"model.hidden", "256"}, {"train.epochs", "20"}, {"brand_new", "1"}};
  const auto compare = [&] { require_same_config("runs/x", saved, now, {"train.epochs"}); };
  EXPECT_EQ(code_of(compare), ExitCode::config);
  EXPECT_THAT(text_of(compare), AllOf(HasSubstr("batch.size: 64 there, 32 now"),
                                      HasSubstr("model.hidden: 128 there, 256 now"),
                                      HasSubstr("gone: 1 there, unknown"), Not(HasSubstr("epochs")),
                                      Not(HasSubstr("brand_new"))));
}

TEST(RequireSameConfig, EqualAndAllowedDifferencesPass) {
  EXPECT_NO_THROW(
      require_same_config("runs/x", {{"a", "1"}, {"b", "2"}}, {{"a", "1"}, {"b", "3"}}, {"b"}));
  EXPECT_NO_THROW(require_same_config("runs/x", {{"a", "1"}, {"old", "2"}}, {{"a", "1"}}, {"old"}));
}

}  // namespace
}  // namespace lockstep
