#include "trainer/comm/mpi_node.h"

#include <sys/statvfs.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "trainer/comm/mpi_calls.h"

namespace lockstep {
namespace {

constexpr size_t kStagingFloats = size_t{1} << 16;  // 256 KiB: stays in the second-level cache
constexpr size_t kPage = 4096;

/// The same place of a piece on every rank: all map windows to the beginnings of pages.
char* next_page(char* address) {
  const size_t into = reinterpret_cast<uintptr_t>(address) % kPage;
  return into == 0 ? address : address + (kPage - into);
}

int all_reduce_int(int value, MPI_Op operation, MPI_Comm comm) {
  check_mpi(MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_INT, operation, comm), "MPI_Allreduce");
  return value;
}

/// Windows lie in /dev/shm. Where that is too small (containers often get 64 MiB), writing to the
/// window would end the process, so it is asked first. Unknown counts as enough.
bool shared_memory_has_room(size_t bytes) {
  struct statvfs info {};
  if (::statvfs("/dev/shm", &info) != 0) return true;
  return info.f_bavail * info.f_frsize > bytes + (size_t{1} << 20);
}

}  // namespace

MpiNode::MpiNode(bool share_memory) {
  int rank = 0;
  check_mpi(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "MPI_Comm_rank");
  check_mpi(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &local_),
            "MPI_Comm_split_type");
  MPI_Comm_set_errhandler(local_, MPI_ERRORS_RETURN);
  check_mpi(MPI_Comm_rank(local_, &local_rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(local_, &local_size_), "MPI_Comm_size");
  owners_ = all_reduce_int(local_size_, MPI_MIN, MPI_COMM_WORLD);
  num_hosts_ = all_reduce_int(local_rank_ == 0 ? 1 : 0, MPI_SUM, MPI_COMM_WORLD);
  check_mpi(MPI_Comm_split(MPI_COMM_WORLD, local_rank_ < owners_ ? local_rank_ : MPI_UNDEFINED,
                           rank, &between_hosts_),
            "MPI_Comm_split");
  if (between_hosts_ != MPI_COMM_NULL) {
    MPI_Comm_set_errhandler(between_hosts_, MPI_ERRORS_RETURN);
  }
  find_subtrees();
  if (share_memory) start_transport();
}

void MpiNode::find_subtrees() {
  int rank = 0;
  check_mpi(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "MPI_Comm_rank");
  const int first = all_reduce_int(rank, MPI_MIN, local_);
  const bool power_of_two = (local_size_ & (local_size_ - 1)) == 0;
  const bool own = local_size_ == owners_ && power_of_two && rank == first + local_rank_ &&
                   first % local_size_ == 0;
  hosts_are_subtrees_ = all_reduce_int(own ? 1 : 0, MPI_MIN, MPI_COMM_WORLD) == 1;
}

void MpiNode::start_transport() {
  // Behind its staging memory each rank has its counter: on a page of its own.
  const size_t staging_bytes = kStagingFloats * sizeof(float);
  const std::vector<char*> pieces = allocate_window(staging_bytes + kPage);
  if (all_reduce_int(pieces.empty() ? 0 : 1, MPI_MIN, MPI_COMM_WORLD) == 0) return;
  NodeTransport::Shared shared;
  shared.staging_count = kStagingFloats;
  for (char* piece : pieces) {
    shared.counters.push_back(reinterpret_cast<ArrivalCounter*>(piece + staging_bytes));
    shared.staging.push_back(reinterpret_cast<float*>(piece));
  }
  transport_ = std::make_unique<NodeTransport>(local_rank_, std::move(shared));
}

float* MpiNode::allocate(size_t count) {
  if (!transport_) return nullptr;
  const std::vector<char*> pieces = allocate_window(count * sizeof(float));
  if (all_reduce_int(pieces.empty() ? 0 : 1, MPI_MIN, MPI_COMM_WORLD) == 0) return nullptr;
  std::vector<float*> bases;
  for (char* piece : pieces) bases.push_back(reinterpret_cast<float*>(piece));
  transport_->add_area(bases, count);
  return bases[static_cast<size_t>(local_rank_)];
}

std::vector<char*> MpiNode::allocate_window(size_t bytes) {
  // One page more than needed: Open MPI's pieces begin somewhere in a page, ours where one begins,
  // as memory that is not shared is aligned. Else matrix products that write there round
  // differently. And an odd number of pages: where counterparts lie a power of two apart,
  // first-level caches that guess by part of the address (AMD's) take them for one another and sums
  // run ten times slower.
  const size_t size = (((bytes + kPage - 1) / kPage + 1) | 1) * kPage;
  const bool room = shared_memory_has_room(size * static_cast<size_t>(local_size_));
  if (all_reduce_int(room ? 1 : 0, MPI_MIN, local_) == 0) return {};
  MPI_Win window = MPI_WIN_NULL;
  char* own = nullptr;
  if (MPI_Win_allocate_shared(static_cast<MPI_Aint>(size), 1, MPI_INFO_NULL, local_, &own,
                              &window) != MPI_SUCCESS) {
    return {};
  }
  std::vector<char*> pieces;
  for (int rank = 0; rank < local_size_; ++rank) {
    MPI_Aint piece_size = 0;
    int unit = 0;
    char* piece = nullptr;
    check_mpi(MPI_Win_shared_query(window, rank, &piece_size, &unit, &piece),
              "MPI_Win_shared_query");
    pieces.push_back(next_page(piece));
  }
  std::memset(next_page(own), 0, bytes);
  check_mpi(MPI_Barrier(local_), "MPI_Barrier");
  return pieces;
}

}  // namespace lockstep
