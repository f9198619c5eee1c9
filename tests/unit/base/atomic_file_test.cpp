#include "data/base/atomic_file.h"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <csignal>

#include "tests/unit/base/temp_folder.h"

namespace lockstep {
namespace {

using testing::expect_error;

TEST(AtomicFile, WritesAndReplaces) {
  const testing::TempFolder folder;
  write_file_atomically(folder / "a", "first");
  write_file_atomically(folder / "a", "second");
  EXPECT_EQ(read_file(folder / "a"), "second");
  EXPECT_EQ(folder.entries(), 1U);
}

TEST(AtomicFile, KeepsTheOldContentWhenTheDiskIsFull) {
  const testing::TempFolder folder;
  write_file_atomically(folder / "a", "old");
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const struct rlimit small { 4096, before.rlim_max };
  std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  expect_error(ExitCode::save_failed, "cannot write",
               [&] { write_file_atomically(folder / "a", std::string(100'000, 'x')); });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, SIG_DFL);
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(folder.entries(), 1U);
}

TEST(AtomicFile, UsesTheCodeItIsGiven) {
  const testing::TempFolder folder;
  expect_error(ExitCode::run_directory, "nowhere",
               [&] { write_file_atomically(folder / "nowhere/a", "x", ExitCode::run_directory); });
}

TEST(NewFile, ReplacesNothingAndFollowsNoLink) {
  const testing::TempFolder folder;
  write_new_file(folder / "a", "x");
  expect_error(ExitCode::save_failed, "cannot create", [&] { write_new_file(folder / "a", "y"); });
  std::filesystem::create_symlink(folder / "target", folder / "link");
  expect_error(ExitCode::save_failed, "cannot create",
               [&] { write_new_file(folder / "link", "y"); });
  EXPECT_FALSE(std::filesystem::exists(folder / "target"));
}

TEST(ReadFile, ChecksPresenceAndSize) {
  const testing::TempFolder folder;
  expect_error(ExitCode::missing, "cannot be opened", [&] { read_file(folder / "a"); });
  write_new_file(folder / "a", "12345");
  EXPECT_EQ(read_file(folder / "a", 5), "12345");
  expect_error(ExitCode::corrupt, "larger than the 4 bytes", [&] { read_file(folder / "a", 4); });
  expect_error(ExitCode::corrupt, "cannot be read", [&] { read_file(folder.path()); });
}

}  // namespace
}  // namespace lockstep
