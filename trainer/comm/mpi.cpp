// Ranks that meet through MPI; gradients in CPU memory.
#include <mpi.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "data/base/error.h"
#include "trainer/comm/launch_environment.h"
#include "trainer/comm/tree_sum.h"
#include "trainer/comm/watchdog.h"

namespace lockstep {
namespace {

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int size = 0;
  MPI_Error_string(code, text, &size);
  throw Error(ExitCode::peer_lost, fmt::format("{} failed: {}", call, text),
              "another rank or the network is gone; see the first message of the job");
}

std::string processor_name() {
  char name[MPI_MAX_PROCESSOR_NAME] = {};
  int size = 0;
  check(MPI_Get_processor_name(name, &size), "MPI_Get_processor_name");
  return {name, static_cast<size_t>(size)};
}

Place find_place() {
  Place place;
  MPI_Comm local = MPI_COMM_NULL;
  check(MPI_Comm_rank(MPI_COMM_WORLD, &place.rank), "MPI_Comm_rank");
  check(MPI_Comm_size(MPI_COMM_WORLD, &place.world_size), "MPI_Comm_size");
  check(
      MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, place.rank, MPI_INFO_NULL, &local),
      "MPI_Comm_split_type");
  check(MPI_Comm_rank(local, &place.local_rank), "MPI_Comm_rank");
  check(MPI_Comm_size(local, &place.local_size), "MPI_Comm_size");
  check(MPI_Comm_free(&local), "MPI_Comm_free");
  place.host = processor_name();
  return place;
}

/// MPI counts are ints: walks an array in pieces that fit.
template <class Call>
void in_pieces(size_t count, Call call) {
  constexpr size_t kPiece = size_t{1} << 30;
  for (size_t begin = 0; begin < count; begin += kPiece) {
    call(begin, static_cast<int>(std::min(kPiece, count - begin)));
  }
}

class MpiCommunicator : public Communicator {
 public:
  explicit MpiCommunicator(const CommunicatorOptions& options)
      : place_(find_place()), watchdog_(place_, options.timeout_seconds, options.on_timeout) {}

  const Place& place() const override { return place_; }
  std::string name() const override { return "mpi"; }
  void keep_rank_states_in(const std::filesystem::path& folder) override {
    watchdog_.keep_states_in(folder);
  }

  void all_reduce_sum(float* values, size_t count) override {
    Watchdog::Watch watch(watchdog_, "all-reduce");
    in_pieces(count, [&](size_t begin, int size) {
      check(MPI_Allreduce(MPI_IN_PLACE, values + begin, size, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD),
            "MPI_Allreduce");
    });
  }

  /// Slices to their owners, added there in tree order, and gathered: the bytes of a ring.
  void all_reduce_sum_in_tree_order(float* values, size_t count) override {
    Watchdog::Watch watch(watchdog_, "ordered all-reduce");
    const TreeSlices slices(count, place_.world_size);
    const int own = slices.counts[static_cast<size_t>(place_.rank)];
    slices_.resize(static_cast<size_t>(own) * static_cast<size_t>(place_.world_size));
    const std::vector<int> received(static_cast<size_t>(place_.world_size), own);
    std::vector<int> offsets(received.size());
    for (size_t i = 0; i < offsets.size(); ++i) offsets[i] = own * static_cast<int>(i);
    check(MPI_Alltoallv(values, slices.counts.data(), slices.offsets.data(), MPI_FLOAT,
                        slices_.data(), received.data(), offsets.data(), MPI_FLOAT, MPI_COMM_WORLD),
          "MPI_Alltoallv");
    add_in_tree_order(slices_.data(), static_cast<size_t>(own), place_.world_size);
    check(MPI_Allgatherv(slices_.data(), own, MPI_FLOAT, values, slices.counts.data(),
                         slices.offsets.data(), MPI_FLOAT, MPI_COMM_WORLD),
          "MPI_Allgatherv");
  }

  void broadcast(float* values, size_t count, int root) override {
    Watchdog::Watch watch(watchdog_, "broadcast");
    in_pieces(count, [&](size_t begin, int size) {
      check(MPI_Bcast(values + begin, size, MPI_FLOAT, root, MPI_COMM_WORLD), "MPI_Bcast");
    });
  }

  std::vector<std::string> all_gather(const std::string& bytes) override {
    Watchdog::Watch watch(watchdog_, "all-gather");
    LOCKSTEP_CHECK(bytes.size() < INT_MAX / static_cast<size_t>(place_.world_size),
                   "{} bytes are too many to gather", bytes.size());
    const int size = static_cast<int>(bytes.size());
    std::vector<int> sizes(static_cast<size_t>(place_.world_size));
    check(MPI_Allgather(&size, 1, MPI_INT, sizes.data(), 1, MPI_INT, MPI_COMM_WORLD),
          "MPI_Allgather");
    std::vector<int> offsets(sizes.size());
    int total = 0;
    for (size_t i = 0; i < sizes.size(); ++i) {
      offsets[i] = total;
      LOCKSTEP_CHECK(sizes[i] <= INT_MAX - total, "too many bytes to gather");
      total += sizes[i];
    }
    std::string all(static_cast<size_t>(total), '\0');
    check(MPI_Allgatherv(bytes.data(), size, MPI_BYTE, all.data(), sizes.data(), offsets.data(),
                         MPI_BYTE, MPI_COMM_WORLD),
          "MPI_Allgatherv");
    std::vector<std::string> parts;
    for (size_t i = 0; i < sizes.size(); ++i) {
      parts.push_back(all.substr(static_cast<size_t>(offsets[i]), static_cast<size_t>(sizes[i])));
    }
    return parts;
  }

  std::string broadcast_bytes(const std::string& bytes, int root) override {
    Watchdog::Watch watch(watchdog_, "broadcast");
    uint64_t size = bytes.size();
    check(MPI_Bcast(&size, 1, MPI_UINT64_T, root, MPI_COMM_WORLD), "MPI_Bcast");
    std::string result = place_.rank == root ? bytes : std::string(size, '\0');
    in_pieces(size, [&](size_t begin, int piece) {
      check(MPI_Bcast(result.data() + begin, piece, MPI_BYTE, root, MPI_COMM_WORLD), "MPI_Bcast");
    });
    return result;
  }

  void sum_on_all(std::vector<int64_t>& values) override {
    Watchdog::Watch watch(watchdog_, "sum of counts");
    check(MPI_Allreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()), MPI_INT64_T,
                        MPI_SUM, MPI_COMM_WORLD),
          "MPI_Allreduce");
  }

  void barrier() override {
    Watchdog::Watch watch(watchdog_, "barrier");
    check(MPI_Barrier(MPI_COMM_WORLD), "MPI_Barrier");
  }

 private:
  Place place_;
  Watchdog watchdog_;
  std::vector<float> slices_;
};

bool mpi_is_up() {
  int initialized = 0;
  int finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  return initialized != 0 && finalized == 0;
}

void require_expected_world(const LaunchEnvironment& environment) {
  int size = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (size == environment.expected_world_size) return;
  throw Error(ExitCode::config,
              fmt::format("the launcher started {} tasks, but MPI sees a world of {}",
                          environment.expected_world_size, size),
              environment.kind == LaunchEnvironment::Kind::srun
                  ? "start the ranks with `srun --mpi=pmix`"
                  : "use the mpirun of the MPI that Lockstep is linked with");
}

}  // namespace

std::unique_ptr<Communicator> make_host_communicator(const LaunchEnvironment& environment,
                                                     const CommunicatorOptions& options) {
  if (environment.kind == LaunchEnvironment::Kind::alone) return make_alone_communicator();
  int provided = 0;
  check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided), "MPI_Init_thread");
  // Errors come back as codes, so that they are reported in our words with the rank's name.
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  require_expected_world(environment);
  return std::make_unique<MpiCommunicator>(options);
}

void finalize_communication() {
  if (mpi_is_up()) MPI_Finalize();
}

void abort_job(int exit_code) {
  std::fflush(nullptr);
  if (mpi_is_up()) MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::_Exit(exit_code);
}

}  // namespace lockstep
