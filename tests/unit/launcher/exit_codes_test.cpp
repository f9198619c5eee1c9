#include "launcher/exit_codes.h"

#include <gmock/gmock.h>

namespace lockstep {
namespace {

using testing::HasSubstr;

int exited(int code) {
  return code << 8;
}  // as waitpid() gives it

TEST(ExitCodes, OursAreBelieved) {
  for (const int code : {0, 64, 65, 66, 69, 70, 73, 74, 75, 76, 78, 79, 80}) {
    EXPECT_TRUE(is_ours(code));
    const Ending ending = ending_of({exited(code), false, {}, "noise"});
    EXPECT_EQ(static_cast<int>(ending.code), code);
    EXPECT_EQ(ending.message, "") << "a rank has told already";
  }
  for (const int code : {1, 2, 67, 71, 77, 126, 127, 132, 134, 137, 139, 205, 255})
    EXPECT_FALSE(is_ours(code));
}

TEST(ExitCodes, AnythingElseIsALostRank) {
  for (const int code : {1, 132, 134, 137, 139, 205}) {
    const Ending ending = ending_of({exited(code), false, {}, ""});
    EXPECT_EQ(ending.code, ExitCode::peer_lost);
    EXPECT_THAT(ending.message, HasSubstr("mpirun ended with " + std::to_string(code)));
  }
  EXPECT_THAT(ending_of({11, false, {}, ""}).message, HasSubstr("139"))
      << "mpirun itself died by SIGSEGV";
  const std::string notice =
      "process rank 2 with PID 77 on node n3 exited on signal 11 (Segmentation fault).";
  EXPECT_THAT(ending_of({exited(139), false, {}, notice}).message,
              HasSubstr("rank 2 on n3 ended with signal 11 (Segmentation fault)"));
}

TEST(ExitCodes, ARanksLastErrorTellsMore) {
  const LastError error{3, "n7", ExitCode::device, "out of memory", "now"};
  const Ending ending = ending_of({exited(1), false, error, ""});
  EXPECT_EQ(ending.code, ExitCode::device);
  EXPECT_EQ(ending.message, "rank 3 on n7: out of memory");
  EXPECT_EQ(ending_of({exited(65), false, error, ""}).code, ExitCode::corrupt);
}

TEST(ExitCodes, AStopBeforeTheFirstStepIsADrain) {
  EXPECT_EQ(ending_of({exited(128 + 10), true, {}, ""}).code, ExitCode::drained);
  EXPECT_EQ(ending_of({10, true, {}, ""}).code, ExitCode::drained);
  EXPECT_EQ(ending_of({exited(128 + 10), false, {}, ""}).code, ExitCode::peer_lost);
  EXPECT_EQ(ending_of({exited(1), true, {}, ""}).code, ExitCode::peer_lost);
}

}  // namespace
}  // namespace lockstep
