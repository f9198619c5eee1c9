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
#include "trainer/comm/span.h"

namespace lockstep {

/// Where a rank runs.
struct Place {
  int rank = 0;
  int world_size = 1;
  int local_rank = 0;  ///< among the ranks of this host
  int local_size = 1;
  std::string host;
};

/// The order in which ranks' values are added.
enum class SumOrder {
  fastest,  ///< whatever the transport likes
  /// A fixed binary tree over ranks (0+1)+(2+3)...: the bits depend on the ranks' values only, and
  /// equal a tree over more leaves when each rank brings a subtree. World size: a power of two.
  tree
};

/// What values are rounded to when they travel as messages. They are always added in float32.
/// Memory that ranks share is added as it is: nothing travels there.
enum class WireType { float32, bfloat16 };

/// In place: values[i] becomes the sum over all ranks. Memory of the backend's device.
struct SumRequest {
  float* values = nullptr;
  size_t count = 0;
  SumOrder order = SumOrder::fastest;
  /// Reduce-scatter: rank r needs only values[kept[r]] and the rest is left undefined; spans
  /// follow each other. Empty: everybody needs everything.
  std::vector<Span> kept = {};
  WireType wire = WireType::float32;
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

  /// Memory for `count` values in which sums are fastest, zeros; null where any memory of the
  /// device is as good. Collective; lives as long as the communicator.
  virtual float* allocate(size_t count) = 0;

  /// Completes all sums that were started, then does this one.
  virtual void sum(const SumRequest& request) = 0;
  /// Begins a sum and returns; it goes on while this thread computes. The values must not be
  /// touched, and nothing else be asked of this communicator, until sum() or complete_sums().
  virtual void start_sum(const SumRequest& request) = 0;
  virtual void complete_sums() = 0;
  /// How long sums have gone on while nobody waited for them; 0 where that cannot be told.
  virtual double hidden_seconds() const { return 0; }
  /// Everybody gets values[kept[r]] of rank r: the second half of a sharded update.
  virtual void all_gather(float* values, const std::vector<Span>& kept) = 0;
  /// Rank `root`'s values to all. Memory of the backend's device.
  virtual void broadcast(float* values, size_t count, int root) = 0;

  /// Host memory, for set-up and bookkeeping, never in a step.
  virtual std::vector<std::string> all_gather_bytes(const std::string& bytes) = 0;
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

/// Every rank's number, by rank. Collective.
std::vector<double> gather_numbers(Communicator& communicator, double own);

}  // namespace lockstep
