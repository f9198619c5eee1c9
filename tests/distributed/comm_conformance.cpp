// Run under mpirun: the conformance checks on the MPI backend (alone: on that one). The first
// argument is the world size that this run must have, so that a launcher that starts N worlds of
// one cannot pass.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>

#include "tests/support/conformance.h"
#include "trainer/comm/launch_environment.h"
#include "trainer/comm/watchdog.h"

namespace lockstep {
namespace {

int run(int expected, const std::string& mode) {
  const auto environment = launch_environment([](const char* name) { return std::getenv(name); });
  CommunicatorOptions options;
  options.timeout_seconds = mode == "hang" ? 2 : 30;
  const auto comm = make_host_communicator(environment, options);
  conformance::require(
      comm->world_size() == expected,
      "a world of " + std::to_string(expected) + ", not " + std::to_string(comm->world_size()));
  if (mode == "hang") {  // one rank never comes: the others must end the job and name it
    const std::filesystem::path folder = std::getenv("LOCKSTEP_TEST_FOLDER");
    comm->keep_rank_states_in(folder);
    comm->barrier();
    if (comm->rank() == expected - 1) std::this_thread::sleep_for(std::chrono::seconds(60));
    comm->barrier();
    return 1;
  }
  conformance::check_all(*comm);
  if (comm->world_size() > 1) {  // again by messages, as between hosts
    options.shared_memory = false;
    conformance::check_all(*make_host_communicator(environment, options));
  }
  if (comm->is_root()) std::cout << "all operations hold at world size " << expected << std::endl;
  finalize_communication();
  return 0;
}

}  // namespace
}  // namespace lockstep

int main(int argc, char** argv) {
  try {
    return lockstep::run(argc > 1 ? std::atoi(argv[1]) : 0, argc > 2 ? argv[2] : "");
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    lockstep::abort_job(1);
  }
}
