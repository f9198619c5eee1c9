// Run under mpirun: every operation of the MPI backend against sums worked out by hand. The first
// argument is the world size that this run must have, so that a launcher that starts N worlds of
// one cannot pass.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>

#include "trainer/comm/communicator.h"
#include "trainer/comm/launch_environment.h"
#include "trainer/comm/watchdog.h"

namespace lockstep {
namespace {

void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error("does not hold: " + what);
}

float value_of(int rank, size_t i) {
  return static_cast<float>((rank + 1) * 1000 + i % 97) / 8;
}

std::vector<float> values_of(int rank, size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = value_of(rank, i);
  return values;
}

void sums(Communicator& comm) {
  for (const size_t count : {size_t{1}, size_t{7}, size_t{1000}, size_t{100003}}) {
    std::vector<float> got = values_of(comm.rank(), count);
    comm.all_reduce_sum(got.data(), count);
    for (size_t i = 0; i < count; ++i) {
      float want = 0;  // eighths of small integers: every order of adding gives the same
      for (int rank = 0; rank < comm.world_size(); ++rank) want += value_of(rank, i);
      require(got[i] == want, "sum of " + std::to_string(count) + " values");
    }
  }
}

void tree_sums(Communicator& comm) {
  const int size = comm.world_size();
  if ((size & (size - 1)) != 0) return;
  // Values for which the order of adding shows in the last bits.
  const auto rough = [](int rank, size_t i) {
    return 1.0f / static_cast<float>(3 + rank * 7 + i % 13);
  };
  for (const size_t count : {size_t{1}, size_t{3}, size_t{1001}}) {
    std::vector<float> got(count);
    for (size_t i = 0; i < count; ++i) got[i] = rough(comm.rank(), i);
    comm.all_reduce_sum_in_tree_order(got.data(), count);
    for (size_t i = 0; i < count; ++i) {
      std::vector<float> level;
      for (int rank = 0; rank < size; ++rank) level.push_back(rough(rank, i));
      while (level.size() > 1) {
        std::vector<float> next;
        for (size_t k = 0; k < level.size(); k += 2) next.push_back(level[k] + level[k + 1]);
        level = next;
      }
      require(got[i] == level[0], "tree sum of " + std::to_string(count) + " values, bit for bit");
    }
  }
}

void broadcasts(Communicator& comm) {
  for (int root = 0; root < comm.world_size(); ++root) {
    std::vector<float> values = values_of(comm.rank(), 500);
    comm.broadcast(values.data(), values.size(), root);
    require(values == values_of(root, 500), "broadcast from " + std::to_string(root));
    const std::string bytes =
        comm.broadcast_bytes(std::string(3 * root, static_cast<char>('a' + root)), root);
    require(bytes == std::string(3 * root, static_cast<char>('a' + root)), "broadcast of bytes");
  }
}

void gathers(Communicator& comm) {
  const auto text = [](int rank) {
    return std::string(static_cast<size_t>(rank * 5), 'x') + std::to_string(rank);
  };
  const std::vector<std::string> all = comm.all_gather(text(comm.rank()));
  require(static_cast<int>(all.size()) == comm.world_size(), "one part per rank");
  for (int rank = 0; rank < comm.world_size(); ++rank)
    require(all[rank] == text(rank), "gathered part");
  std::vector<int64_t> counts = {1, comm.rank(), int64_t{1} << 40};
  comm.sum_on_all(counts);
  const int64_t n = comm.world_size();
  require(counts == std::vector<int64_t>{n, n * (n - 1) / 2, n << 40}, "sums of counts");
  comm.barrier();
}

void errors_are_shared(Communicator& comm) {
  together(comm, [] {});
  const int last = comm.world_size() - 1;
  try {
    together(comm, [&] {
      if (comm.rank() == last)
        throw Error(ExitCode::corrupt, "shard 7 is damaged", "import it again");
    });
  } catch (const JobError& error) {
    require(error.code() == ExitCode::corrupt, "the code of the failing rank");
    require(std::string(error.what()).find("shard 7 is damaged") != std::string::npos,
            "its message");
    require(error.hint() == "import it again", "its hint");
    const bool named =
        std::string(error.what()).find("rank " + std::to_string(last)) != std::string::npos;
    require(named == (comm.world_size() > 1), "the failing rank is named when others did not fail");
    return;
  }
  throw std::runtime_error("no JobError on this rank");
}

int run(int expected, const std::string& mode) {
  const auto environment = launch_environment([](const char* name) { return std::getenv(name); });
  CommunicatorOptions options;
  options.timeout_seconds = mode == "hang" ? 2 : 30;
  const auto comm = make_host_communicator(environment, options);
  require(comm->world_size() == expected,
          "a world of " + std::to_string(expected) + ", not " + std::to_string(comm->world_size()));
  if (mode == "hang") {  // one rank never comes: the others must end the job and name it
    const std::filesystem::path folder = std::getenv("LOCKSTEP_TEST_FOLDER");
    comm->keep_rank_states_in(folder);
    comm->barrier();
    if (comm->rank() == expected - 1) std::this_thread::sleep_for(std::chrono::seconds(60));
    comm->barrier();
    return 1;
  }
  sums(*comm);
  tree_sums(*comm);
  broadcasts(*comm);
  gathers(*comm);
  errors_are_shared(*comm);
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
