#include "trainer/comm/watchdog.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <thread>

namespace lockstep {
namespace {

class WatchdogTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name =
        (std::filesystem::temp_directory_path() / "lockstep-watchdog-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static Place place(int rank) { return {rank, 3, rank, 3, "node" + std::to_string(rank)}; }

  std::filesystem::path folder_;
};

TEST_F(WatchdogTest, StatesAreReadBack) {
  RankStateFile file(folder_, place(1));
  file.update(42, true, "all-reduce");
  const auto state = read_rank_state(folder_, 1);
  ASSERT_NE(state, nullptr);
  EXPECT_EQ(state->collective, 42);
  EXPECT_TRUE(state->inside);
  EXPECT_EQ(state->phase, "all-reduce");
  EXPECT_EQ(state->host, "node1");
  EXPECT_EQ(state->process, ::getpid());
}

TEST_F(WatchdogTest, MissingOrStrangeFilesAreNoState) {
  EXPECT_EQ(read_rank_state(folder_, 0), nullptr);
  std::ofstream(folder_ / "rank-00000.state") << "nonsense";
  EXPECT_EQ(read_rank_state(folder_, 0), nullptr);
  std::ofstream(folder_ / "rank-00000.state") << std::string(248, 'x');
  EXPECT_EQ(read_rank_state(folder_, 0), nullptr);
}

TEST_F(WatchdogTest, OnlyLateRanksAreNamed) {
  RankStateFile ahead(folder_, place(1)), behind(folder_, place(2));
  ahead.update(9, true, "all-reduce");
  behind.update(8, false, "all-reduce");
  const std::string text = describe_late_ranks(folder_, place(0), 9);
  EXPECT_NE(text.find("rank 2 on node2"), std::string::npos) << text;
  EXPECT_NE(text.find("collective 8 (all-reduce) and has left it"), std::string::npos) << text;
  EXPECT_EQ(text.find("rank 1"), std::string::npos) << text;
}

TEST_F(WatchdogTest, SpeaksWhenACollectiveOutlastsTheTimeout) {
  std::atomic<int> calls{0};
  std::string message;
  Watchdog watchdog(place(0), 0.2, [&](const std::string& text) {
    if (calls == 0) message = text;
    ++calls;
  });
  watchdog.keep_states_in(folder_);
  RankStateFile late(folder_, place(2));
  {
    Watchdog::Watch watch(watchdog, "barrier");
    for (int i = 0; i < 100 && calls == 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  ASSERT_GE(calls, 1);
  EXPECT_NE(message.find("rank 0 on node0 has waited 0.2 s in collective 1 (barrier)"),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("rank 2 on node2"), std::string::npos) << message;
}

TEST_F(WatchdogTest, IsSilentOutsideAndInManyShortCollectives) {
  std::atomic<int> calls{0};
  Watchdog watchdog(place(0), 0.3, [&](const std::string&) { ++calls; });
  for (int i = 0; i < 40; ++i) {
    Watchdog::Watch watch(watchdog, "all-reduce");
    std::this_thread::sleep_for(std::chrono::milliseconds(15));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace lockstep
