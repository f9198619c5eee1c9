#include "trainer/comm/mpi_calls.h"

#include <chrono>
#include <climits>
#include <thread>

#include "data/base/error.h"
#include "trainer/comm/tree_sum.h"

namespace lockstep {

void check_mpi(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int size = 0;
  MPI_Error_string(code, text, &size);
  throw Error(ExitCode::peer_lost, fmt::format("{} failed: {}", call, text),
              "another rank or the network is gone; see the first message of the job");
}

void wait_for(MPI_Request request, Patience patience, const char* call) {
  for (;;) {
    int done = 0;
    check_mpi(MPI_Test(&request, &done, MPI_STATUS_IGNORE), call);
    if (done != 0) return;
    if (patience.eager == nullptr || patience.eager->load(std::memory_order_relaxed)) continue;
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

void sum_by_messages(float* values, size_t count, MPI_Comm comm, Patience patience) {
  in_pieces(count, [&](size_t begin, int size) {
    MPI_Request request = MPI_REQUEST_NULL;
    if (patience.eager == nullptr) {
      check_mpi(MPI_Allreduce(MPI_IN_PLACE, values + begin, size, MPI_FLOAT, MPI_SUM, comm),
                "MPI_Allreduce");
      return;
    }
    check_mpi(
        MPI_Iallreduce(MPI_IN_PLACE, values + begin, size, MPI_FLOAT, MPI_SUM, comm, &request),
        "MPI_Iallreduce");
    wait_for(request, patience, "MPI_Iallreduce");
  });
}

namespace {

/// Spans as MPI wants them.
struct CountsAndOffsets {
  explicit CountsAndOffsets(const std::vector<Span>& spans) {
    for (const Span& span : spans) {
      LOCKSTEP_CHECK(span.end <= INT_MAX, "{} values are too many for one ordered sum", span.end);
      counts.push_back(static_cast<int>(span.size()));
      offsets.push_back(static_cast<int>(span.begin));
    }
  }
  std::vector<int> counts;
  std::vector<int> offsets;
};

}  // namespace

void keep_sum_by_messages(float* values, const std::vector<Span>& kept, MPI_Comm comm,
                          Patience patience, std::vector<float>& scratch) {
  int rank = 0;
  check_mpi(MPI_Comm_rank(comm, &rank), "MPI_Comm_rank");
  const CountsAndOffsets cut(kept);
  const Span own = kept[static_cast<size_t>(rank)];
  scratch.resize(own.size());
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ireduce_scatter(values + kept.front().begin, scratch.data(), cut.counts.data(),
                                MPI_FLOAT, MPI_SUM, comm, &request),
            "MPI_Ireduce_scatter");
  wait_for(request, patience, "MPI_Ireduce_scatter");
  std::copy_n(scratch.data(), own.size(), values + own.begin);
}

void sum_by_messages_in_tree_order(float* values, const std::vector<Span>& slices, MPI_Comm comm,
                                   Patience patience, bool gather, std::vector<float>& scratch) {
  int rank = 0;
  check_mpi(MPI_Comm_rank(comm, &rank), "MPI_Comm_rank");
  const CountsAndOffsets cut(slices);
  const Span own = slices[static_cast<size_t>(rank)];
  scratch.resize(own.size() * slices.size());
  const std::vector<int> received(slices.size(), static_cast<int>(own.size()));
  std::vector<int> offsets(slices.size());
  for (size_t i = 0; i < offsets.size(); ++i) offsets[i] = static_cast<int>(own.size() * i);
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ialltoallv(values, cut.counts.data(), cut.offsets.data(), MPI_FLOAT, scratch.data(),
                           received.data(), offsets.data(), MPI_FLOAT, comm, &request),
            "MPI_Ialltoallv");
  wait_for(request, patience, "MPI_Ialltoallv");
  std::vector<const float*> arrays;
  for (size_t i = 0; i < slices.size(); ++i) arrays.push_back(scratch.data() + own.size() * i);
  float* sum = scratch.data();
  sum_arrays(arrays.data(), static_cast<int>(arrays.size()), &sum, 1, 0, own.size());
  if (!gather) {
    std::copy_n(scratch.data(), own.size(), values + own.begin);
    return;
  }
  check_mpi(MPI_Iallgatherv(scratch.data(), static_cast<int>(own.size()), MPI_FLOAT, values,
                            cut.counts.data(), cut.offsets.data(), MPI_FLOAT, comm, &request),
            "MPI_Iallgatherv");
  wait_for(request, patience, "MPI_Iallgatherv");
}

}  // namespace lockstep
