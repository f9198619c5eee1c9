// What all our MPI code needs: error codes turned into Errors, big counts, waits that nap.
#pragma once

#include <mpi.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "trainer/comm/node_transport.h"

namespace lockstep {

/// Throws Error(peer_lost) naming `call` when `code` is not MPI_SUCCESS.
void check_mpi(int code, const char* call);

/// Waits for a request as patiently as told: Open MPI itself would keep the core busy.
void wait_for(MPI_Request request, Patience patience, const char* call);

/// MPI counts are ints: walks an array in pieces that fit.
template <class Call>
void in_pieces(size_t count, Call call) {
  constexpr size_t kPiece = size_t{1} << 30;
  for (size_t begin = 0; begin < count; begin += kPiece) {
    call(begin, static_cast<int>(std::min(kPiece, count - begin)));
  }
}

/// Memory to reuse from message to message.
struct MessageScratch {
  std::vector<float> floats;
  std::vector<uint16_t> sent, received;
};

/// All-reduce by messages, in whatever order MPI likes.
void sum_by_messages(float* values, size_t count, MPI_Comm comm, Patience patience);

/// Reduce-scatter by messages: rank r ends with the sum of values[kept[r]], the rest stays.
void keep_sum_by_messages(float* values, const std::vector<Span>& kept, MPI_Comm comm,
                          Patience patience, MessageScratch& scratch);

/// Sum by messages in tree order over the ranks of `comm`, a power of two: slice r goes to rank r
/// and is added there; with `gather` all slices then go to everybody, which together moves the
/// bytes of a ring, without it rank r keeps its slice only.
void sum_by_messages_in_tree_order(float* values, const std::vector<Span>& slices, MPI_Comm comm,
                                   Patience patience, bool gather, MessageScratch& scratch);

/// The same for any number of ranks, with half of the bytes: others' values arrive rounded to
/// bfloat16 and are added in float32; gathered sums are rounded once more, the same for everybody.
void sum_by_messages_as_bfloat16(float* values, const std::vector<Span>& slices, MPI_Comm comm,
                                 Patience patience, bool gather, MessageScratch& scratch);

/// Everybody gets values[slices[r]] of rank r.
void gather_by_messages(float* values, const std::vector<Span>& slices, MPI_Comm comm);

}  // namespace lockstep
