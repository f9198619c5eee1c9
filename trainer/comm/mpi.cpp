// Ranks that meet through MPI; gradients in CPU memory.
#include <mpi.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "data/base/error.h"
#include "trainer/comm/communication_thread.h"
#include "trainer/comm/launch_environment.h"
#include "trainer/comm/mpi_calls.h"
#include "trainer/comm/mpi_node.h"
#include "trainer/comm/watchdog.h"

namespace lockstep {
namespace {

std::string processor_name() {
  char name[MPI_MAX_PROCESSOR_NAME] = {};
  int size = 0;
  check_mpi(MPI_Get_processor_name(name, &size), "MPI_Get_processor_name");
  return {name, static_cast<size_t>(size)};
}

Place place_of(const MpiNode& node) {
  Place place;
  check_mpi(MPI_Comm_rank(MPI_COMM_WORLD, &place.rank), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(MPI_COMM_WORLD, &place.world_size), "MPI_Comm_size");
  place.local_rank = node.local_rank();
  place.local_size = node.local_size();
  place.host = processor_name();
  return place;
}

class MpiCommunicator : public Communicator {
 public:
  explicit MpiCommunicator(const CommunicatorOptions& options)
      : node_(options.shared_memory),
        place_(place_of(node_)),
        watchdog_(place_, options.timeout_seconds, options.on_timeout),
        thread_([this](const SumRequest& request) { work(request, {&thread_.urgent()}); }) {}

  const Place& place() const override { return place_; }
  std::string name() const override { return "mpi"; }
  void keep_rank_states_in(const std::filesystem::path& folder) override {
    watchdog_.keep_states_in(folder);
  }

  float* allocate(size_t count) override {
    Watchdog::Watch watch(watchdog_, "allocation");
    return node_.allocate(count);
  }

  void sum(const SumRequest& request) override {
    thread_.complete();
    work(request, {});
  }
  void start_sum(const SumRequest& request) override { thread_.start(request); }
  void complete_sums() override { thread_.complete(); }
  double hidden_seconds() const override { return thread_.hidden_seconds(); }

  void all_gather(float* values, const std::vector<Span>& kept) override {
    Watchdog::Watch watch(watchdog_, "all-gather of parameters");
    if (on_one_host() && node_.transport()->in_area(values)) {
      node_.transport()->all_gather(values, kept, {});
      return;
    }
    gather_by_messages(values, kept, MPI_COMM_WORLD);
  }

  void broadcast(float* values, size_t count, int root) override {
    Watchdog::Watch watch(watchdog_, "broadcast");
    in_pieces(count, [&](size_t begin, int size) {
      check_mpi(MPI_Bcast(values + begin, size, MPI_FLOAT, root, MPI_COMM_WORLD), "MPI_Bcast");
    });
  }

  std::vector<std::string> all_gather_bytes(const std::string& bytes) override {
    Watchdog::Watch watch(watchdog_, "all-gather");
    LOCKSTEP_CHECK(bytes.size() < INT_MAX / static_cast<size_t>(place_.world_size),
                   "{} bytes are too many to gather", bytes.size());
    const int size = static_cast<int>(bytes.size());
    std::vector<int> sizes(static_cast<size_t>(place_.world_size));
    check_mpi(MPI_Allgather(&size, 1, MPI_INT, sizes.data(), 1, MPI_INT, MPI_COMM_WORLD),
              "MPI_Allgather");
    std::vector<int> offsets(sizes.size());
    int total = 0;
    for (size_t i = 0; i < sizes.size(); ++i) {
      offsets[i] = total;
      LOCKSTEP_CHECK(sizes[i] <= INT_MAX - total, "too many bytes to gather");
      total += sizes[i];
    }
    std::string all(static_cast<size_t>(total), '\0');
    check_mpi(MPI_Allgatherv(bytes.data(), size, MPI_BYTE, all.data(), sizes.data(), offsets.data(),
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
    check_mpi(MPI_Bcast(&size, 1, MPI_UINT64_T, root, MPI_COMM_WORLD), "MPI_Bcast");
    std::string result = place_.rank == root ? bytes : std::string(size, '\0');
    in_pieces(size, [&](size_t begin, int piece) {
      check_mpi(MPI_Bcast(result.data() + begin, piece, MPI_BYTE, root, MPI_COMM_WORLD),
                "MPI_Bcast");
    });
    return result;
  }

  void sum_on_all(std::vector<int64_t>& values) override {
    Watchdog::Watch watch(watchdog_, "sum of counts");
    check_mpi(MPI_Allreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()),
                            MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD),
              "MPI_Allreduce");
  }

  void barrier() override {
    Watchdog::Watch watch(watchdog_, "barrier");
    check_mpi(MPI_Barrier(MPI_COMM_WORLD), "MPI_Barrier");
  }

 private:
  bool on_one_host() { return node_.num_hosts() == 1 && node_.transport() != nullptr; }

  void work(const SumRequest& request, Patience patience) {
    Watchdog::Watch watch(watchdog_, request.order == SumOrder::tree ? "ordered sum" : "sum");
    if (!request.kept.empty()) {
      reduce_scatter(request, patience);
    } else if (on_one_host()) {
      node_.transport()->all_reduce(request.values, request.count, patience);
    } else {
      sum_over_hosts(request, patience);
    }
  }

  /// Each host adds its own first, where the order allows it.
  void sum_over_hosts(const SumRequest& request, Patience patience) {
    const bool any_order = request.order == SumOrder::fastest;
    if (!node_.transport() || (!any_order && !node_.hosts_are_subtrees())) {
      sum_in(MPI_COMM_WORLD, place_.world_size, request.values, request.count, request, patience);
      return;
    }
    node_.transport()->all_reduce(
        request.values, request.count, patience, node_.owners(), [&](float* values, size_t count) {
          sum_in(node_.between_hosts(), node_.num_hosts(), values, count, request, patience);
        });
  }

  void sum_in(MPI_Comm comm, int ranks, float* values, size_t count, const SumRequest& request,
              Patience patience) {
    if (request.wire == WireType::bfloat16) {
      sum_by_messages_as_bfloat16(values, equal_slices(count, ranks), comm, patience, true,
                                  scratch_);
    } else if (request.order == SumOrder::tree) {
      sum_by_messages_in_tree_order(values, equal_slices(count, ranks), comm, patience, true,
                                    scratch_);
    } else {
      sum_by_messages(values, count, comm, patience);
    }
  }

  void reduce_scatter(const SumRequest& request, Patience patience) {
    if (on_one_host() && node_.transport()->in_area(request.values)) {
      node_.transport()->reduce_scatter(request.values, request.kept, patience);
      return;
    }
    if (request.wire == WireType::bfloat16) {
      sum_by_messages_as_bfloat16(request.values, request.kept, MPI_COMM_WORLD, patience,
                                  /*gather=*/false, scratch_);
    } else if (request.order == SumOrder::tree) {
      sum_by_messages_in_tree_order(request.values, request.kept, MPI_COMM_WORLD, patience,
                                    /*gather=*/false, scratch_);
    } else {
      keep_sum_by_messages(request.values, request.kept, MPI_COMM_WORLD, patience, scratch_);
    }
  }

  MpiNode node_;
  Place place_;
  Watchdog watchdog_;
  MessageScratch scratch_;
  CommunicationThread thread_;  // last: it ends before what it works with
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
  if (!mpi_is_up()) {
    int provided = 0;
    check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided),
              "MPI_Init_thread");
    // Errors come back as codes, so that they are reported in our words with the rank's name.
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    require_expected_world(environment);
  }
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
