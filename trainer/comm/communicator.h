// Ranks and what they say to each other. One interface; "alone" is a real backend, MPI carries CPU
// memory, NCCL carries GPU memory and leaves the rest to MPI.
//
// Every call that involves others is collective (all ranks, same order) and blocks; none outlasts
// the deadline: a rank that waits too long ends the job, naming who is late (watchdog.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/base/error.h"

namespace lockstep {

/// Where a rank runs.
struct Place {
  int rank = 0;
  int world_size = 1;
  int local_rank = 0;  ///< among the ranks of this host
  int local_size = 1;
  std::string host;
};

class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual const Place& place() const = 0;
  int rank() const { return place().rank; }
  int world_size() const { return place().world_size; }
  bool is_root() const { return rank() == 0; }
  /// "alone", "mpi" or "nccl".
  virtual std::string name() const = 0;

  /// In place: `values[i]` becomes the sum over all ranks, in whatever order is fastest. Memory
  /// of the backend's device.
  virtual void all_reduce_sum(float* values, size_t count) = 0;
  /// The same, added in a fixed binary tree over ranks (0+1)+(2+3)...: the bits depend on the
  /// ranks' values only, and equal a tree over more leaves when each rank brings a subtree.
  /// World size must be a power of two.
  virtual void all_reduce_sum_in_tree_order(float* values, size_t count) = 0;
  /// Rank `root`'s values to all. Memory of the backend's device.
  virtual void broadcast(float* values, size_t count, int root) = 0;

  /// Host memory, for set-up and bookkeeping, never in a step.
  virtual std::vector<std::string> all_gather(const std::string& bytes) = 0;
  virtual std::string broadcast_bytes(const std::string& bytes, int root) = 0;
  virtual void sum_on_all(std::vector<int64_t>& values) = 0;
  virtual void barrier() = 0;

  /// From now on every rank keeps its last known state in `folder` (which must exist), so that a
  /// rank that waits too long can name who is late.
  virtual void keep_rank_states_in(const std::filesystem::path& folder) = 0;
};

/// A world of one.
std::unique_ptr<Communicator> make_alone_communicator();

/// An Error that every rank throws at the same point, so that one of them can speak for all and
/// each ends by itself. Any other Error is one rank's own: the job must be ended for the others.
class JobError : public Error {
 public:
  using Error::Error;
};

/// Runs `work` on every rank and lets all ranks know how it went: when it throws anywhere, every
/// rank throws the Error of the lowest failing rank as a JobError, with the failing ranks and their
/// hosts named when not all failed. Collective.
void together(Communicator& communicator, const std::function<void()>& work);

}  // namespace lockstep
