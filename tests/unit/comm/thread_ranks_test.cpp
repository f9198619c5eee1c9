// The on-node transport and the communication thread, with threads as ranks.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "tests/support/conformance.h"
#include "tests/support/thread_ranks.h"

namespace lockstep {
namespace {

TEST(ThreadRanks, ConformAtSeveralWorldSizes) {
  for (const int size : {1, 2, 3, 4, 7, 8}) {
    on_thread_ranks(size, [](Communicator& comm) { conformance::check_all(comm); });
  }
}

TEST(Alone, Conforms) {
  conformance::check_all(*make_alone_communicator());
}

TEST(ThreadRanks, SumsGoOnWhileRanksAreBusy) {
  on_thread_ranks(3, [](Communicator& comm) {
    float* values = comm.allocate(1000);
    std::fill_n(values, 1000, static_cast<float>(comm.rank() + 1));
    comm.start_sum({values, 1000});
    // Nobody waits for the sum, and still it gets done, although the ranks come at other times.
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + 30 * comm.rank()));
    comm.complete_sums();
    EXPECT_EQ(values[0], 6);
    EXPECT_EQ(values[999], 6);
  });
}

TEST(CommunicationThread, FailuresComeOutOfComplete) {
  CommunicationThread thread([](const SumRequest& request) {
    if (request.count == 2) throw Error(ExitCode::peer_lost, "gone");
  });
  thread.start({nullptr, 1});
  thread.complete();
  thread.start({nullptr, 2});
  thread.start({nullptr, 3});
  EXPECT_THROW(thread.complete(), Error);
  EXPECT_NO_THROW(thread.complete());
}

TEST(NodeTransport, RefusesValuesThatReachBeyondTheirArea) {
  on_thread_ranks(2, [](Communicator& comm) {
    float* values = comm.allocate(64);
    EXPECT_THROW(comm.sum({values + 60, 10}), Error);
  });
}

}  // namespace
}  // namespace lockstep
