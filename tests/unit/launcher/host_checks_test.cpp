#include "launcher/host_checks.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace lockstep {
namespace {

using Verdict = HostCheck::Verdict;

TEST(HostChecks, EachHasAFindingAndFailuresHaveAHintAndACode) {
  for (const HostCheck& check : check_host()) {
    SCOPED_TRACE(check.subject);
    EXPECT_NE(check.finding, "");
    EXPECT_EQ(check.verdict == Verdict::fail, check.code != ExitCode::done);
    EXPECT_TRUE(check.verdict != Verdict::fail || !check.hint.empty());
  }
}

class FakeMpirunTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() / ("host_checks_test." + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    path_before_ = std::getenv("PATH");
  }
  void TearDown() override {
    ::setenv("PATH", path_before_.c_str(), 1);
    std::filesystem::remove_all(folder_);
  }
  std::filesystem::path folder_;
  std::string path_before_;
};

TEST_F(FakeMpirunTest, AnAbsentMpirunFails) {
  ::setenv("PATH", folder_.c_str(), 1);
  const HostCheck check = check_mpirun();
  EXPECT_EQ(check.verdict, Verdict::fail);
  EXPECT_EQ(check.code, ExitCode::missing);
}

TEST_F(FakeMpirunTest, ABrokenMpirunFailsWithWhatItSays) {
  std::ofstream(folder_ / "mpirun") << "#!/bin/sh\necho there is no network >&2\nexit 3\n";
  std::filesystem::permissions(folder_ / "mpirun", std::filesystem::perms::owner_all);
  ::setenv("PATH", (folder_.string() + ":" + path_before_).c_str(), 1);
  const HostCheck check = check_mpirun();
  EXPECT_EQ(check.verdict, Verdict::fail);
  EXPECT_THAT(check.finding, testing::HasSubstr("there is no network"));
}

}  // namespace
}  // namespace lockstep
