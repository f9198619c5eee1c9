#include "data/base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <stdexcept>
#include <vector>

namespace lockstep {
namespace {

TEST(Parallel, DoesEachPartOnce) {
  for (const size_t count : {0U, 1U, 2U, 1000U}) {
    std::vector<std::atomic<int>> calls(count);
    for_each_in_parallel(count, [&](size_t i) { ++calls[i]; });
    for (const auto& number : calls) EXPECT_EQ(number, 1);
  }
}

TEST(Parallel, PartsRunSideBySide) {
  if (usable_processors() < 2) GTEST_SKIP() << "needs two processors";
  std::atomic<int> arrived{0};
  // Ends only if both are under way at the same time.
  for_each_in_parallel(2, [&](size_t) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  EXPECT_EQ(arrived, 2);
}

TEST(Parallel, TheFirstFailureIsToldAfterAllAreDone) {
  std::atomic<int> calls{0};
  try {
    for_each_in_parallel(20, [&](size_t i) {
      ++calls;
      if (i % 7 == 3) throw std::runtime_error(std::to_string(i));
    });
    FAIL() << "no exception";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "3");
  }
  EXPECT_EQ(calls, 20);
}

TEST(Parallel, ThreadsGetNoSignals) {
  sigset_t mask;
  sigemptyset(&mask);
  start_without_signals([&] { pthread_sigmask(SIG_SETMASK, nullptr, &mask); }).join();
  EXPECT_EQ(sigismember(&mask, SIGTERM), 1);
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGTERM), 0);
}

}  // namespace
}  // namespace lockstep
