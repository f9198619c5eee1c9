// The ranks of one host, and the memory they share: MPI windows.
#pragma once

#include <mpi.h>

#include <memory>

#include "trainer/comm/communicator.h"
#include "trainer/comm/node_transport.h"

namespace lockstep {

/// MPI groups as the hosts divide them. Collective to make; freed by MPI_Finalize.
class MpiNode {
 public:
  /// `share_memory` false: no windows, as on a host whose shared memory is too small.
  explicit MpiNode(bool share_memory);

  int local_rank() const { return local_rank_; }
  int local_size() const { return local_size_; }
  int num_hosts() const { return num_hosts_; }

  /// The smallest number of ranks on any host: that many slices travel between hosts side by side.
  int owners() const { return owners_; }
  /// Those with this rank's local rank on each host, in the order of hosts; null for local ranks
  /// from owners() on.
  MPI_Comm between_hosts() const { return between_hosts_; }
  /// Whether each host holds one subtree of the tree over all ranks.
  bool hosts_are_subtrees() const { return hosts_are_subtrees_; }

  /// Null when the hosts' memory is not shared.
  NodeTransport* transport() { return transport_.get(); }
  /// Zeros that all ranks of the host see, known to the transport; null when that cannot be had on
  /// every host. Collective over all ranks.
  float* allocate(size_t count);

 private:
  void find_subtrees();
  void start_transport();
  /// One piece of `bytes` per local rank, in local rank order; empty when it cannot be had.
  std::vector<char*> allocate_window(size_t bytes);

  MPI_Comm local_ = MPI_COMM_NULL;
  MPI_Comm between_hosts_ = MPI_COMM_NULL;
  int local_rank_ = 0;
  int local_size_ = 1;
  int num_hosts_ = 1;
  int owners_ = 1;
  bool hosts_are_subtrees_ = false;
  std::unique_ptr<NodeTransport> transport_;
};

}  // namespace lockstep
