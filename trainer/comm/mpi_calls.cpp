#include "trainer/comm/mpi_calls.h"

#include <algorithm>
#include <chrono>
#include <climits>
#include <thread>

#include "data/base/error.h"
#include "trainer/comm/bfloat16.h"
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

int rank_in(MPI_Comm comm) {
  int rank = 0;
  check_mpi(MPI_Comm_rank(comm, &rank), "MPI_Comm_rank");
  return rank;
}

/// Slice r of everybody's values goes to rank r, who gets them one behind the other as `parts`.
void to_owners(const void* values, void* parts, MPI_Datatype type, const std::vector<Span>& slices,
               Span own, MPI_Comm comm, Patience patience) {
  const CountsAndOffsets cut(slices);
  std::vector<Span> received;
  for (size_t i = 0; i < slices.size(); ++i) {
    received.push_back({i * own.size(), (i + 1) * own.size()});
  }
  const CountsAndOffsets parts_cut(received);
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ialltoallv(values, cut.counts.data(), cut.offsets.data(), type, parts,
                           parts_cut.counts.data(), parts_cut.offsets.data(), type, comm, &request),
            "MPI_Ialltoallv");
  wait_for(request, patience, "MPI_Ialltoallv");
}

/// The reverse: everybody gets every owner's slice.
void from_owners(const void* own_values, void* values, MPI_Datatype type,
                 const std::vector<Span>& slices, Span own, MPI_Comm comm, Patience patience) {
  const CountsAndOffsets cut(slices);
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Iallgatherv(own_values, static_cast<int>(own.size()), type, values,
                            cut.counts.data(), cut.offsets.data(), type, comm, &request),
            "MPI_Iallgatherv");
  wait_for(request, patience, "MPI_Iallgatherv");
}

/// Adds `num_parts` arrays that lie one behind the other, into the first.
void add_parts(float* parts, size_t num_parts, size_t count) {
  std::vector<const float*> arrays;
  for (size_t i = 0; i < num_parts; ++i) arrays.push_back(parts + count * i);
  sum_arrays(arrays.data(), static_cast<int>(num_parts), &parts, 1, 0, count);
}

}  // namespace

void keep_sum_by_messages(float* values, const std::vector<Span>& kept, MPI_Comm comm,
                          Patience patience, MessageScratch& scratch) {
  const CountsAndOffsets cut(kept);
  const Span own = kept[static_cast<size_t>(rank_in(comm))];
  scratch.floats.resize(own.size());
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ireduce_scatter(values + kept.front().begin, scratch.floats.data(),
                                cut.counts.data(), MPI_FLOAT, MPI_SUM, comm, &request),
            "MPI_Ireduce_scatter");
  wait_for(request, patience, "MPI_Ireduce_scatter");
  std::copy_n(scratch.floats.data(), own.size(), values + own.begin);
}

void sum_by_messages_in_tree_order(float* values, const std::vector<Span>& slices, MPI_Comm comm,
                                   Patience patience, bool gather, MessageScratch& scratch) {
  const Span own = slices[static_cast<size_t>(rank_in(comm))];
  scratch.floats.resize(own.size() * slices.size());
  float* parts = scratch.floats.data();
  to_owners(values, parts, MPI_FLOAT, slices, own, comm, patience);
  add_parts(parts, slices.size(), own.size());
  if (gather) {
    from_owners(parts, values, MPI_FLOAT, slices, own, comm, patience);
  } else {
    std::copy_n(parts, own.size(), values + own.begin);
  }
}

void sum_by_messages_as_bfloat16(float* values, const std::vector<Span>& slices, MPI_Comm comm,
                                 Patience patience, bool gather, MessageScratch& scratch) {
  const auto rank = static_cast<size_t>(rank_in(comm));
  const Span own = slices[rank];
  const size_t end = slices.back().end;
  const size_t parts_size = own.size() * slices.size();
  scratch.sent.resize(end);
  scratch.received.resize(std::max(end, parts_size));
  scratch.floats.resize(parts_size);
  float* parts = scratch.floats.data();
  narrow_to_bfloat16(values, scratch.sent.data(), end);
  to_owners(scratch.sent.data(), scratch.received.data(), MPI_UINT16_T, slices, own, comm,
            patience);
  widen_from_bfloat16(scratch.received.data(), parts, parts_size);
  std::copy_n(values + own.begin, own.size(), parts + rank * own.size());  // did not travel
  add_parts(parts, slices.size(), own.size());
  if (!gather) {
    std::copy_n(parts, own.size(), values + own.begin);
    return;
  }
  narrow_to_bfloat16(parts, scratch.sent.data(), own.size());
  from_owners(scratch.sent.data(), scratch.received.data(), MPI_UINT16_T, slices, own, comm,
              patience);
  widen_from_bfloat16(scratch.received.data(), values, end);
}

void gather_by_messages(float* values, const std::vector<Span>& slices, MPI_Comm comm) {
  if (slices.back().end <= INT_MAX) {
    const CountsAndOffsets cut(slices);
    check_mpi(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, values, cut.counts.data(),
                             cut.offsets.data(), MPI_FLOAT, comm),
              "MPI_Allgatherv");
    return;
  }
  for (size_t rank = 0; rank < slices.size(); ++rank) {
    in_pieces(slices[rank].size(), [&](size_t begin, int size) {
      check_mpi(MPI_Bcast(values + slices[rank].begin + begin, size, MPI_FLOAT,
                          static_cast<int>(rank), comm),
                "MPI_Bcast");
    });
  }
}

}  // namespace lockstep
