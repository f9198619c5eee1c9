// Finding out who started this process, and ending what MPI began.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "trainer/comm/communicator.h"

namespace lockstep {

/// What the environment says before MPI is touched.
struct LaunchEnvironment {
  enum class Kind { alone, mpirun, srun };
  Kind kind = Kind::alone;
  int expected_world_size = 1;  ///< as the launcher says; 1 when alone
};

/// Reads OMPI_*, PMIX_* and SLURM_* through `get` (null: the variable is not set). Throws
/// Error(config) naming `--mpi=pmix` when srun started several tasks without a way to meet.
LaunchEnvironment launch_environment(const std::function<const char*(const char*)>& get);

struct CommunicatorOptions {
  double timeout_seconds = 60;
  /// Called on the watchdog's thread when a collective outlasts the timeout, with a message that
  /// names who is late; must end the process.
  std::function<void(const std::string&)> on_timeout;
  /// Ranks of one host exchange gradients through shared memory; false: by messages, as between
  /// hosts.
  bool shared_memory = true;
};

/// The communicator for host memory: alone without MPI, else MPI_Init and the MPI backend. Throws
/// Error(config) when MPI's world differs from what the launcher expected.
std::unique_ptr<Communicator> make_host_communicator(const LaunchEnvironment& environment,
                                                     const CommunicatorOptions& options);

/// The communicator for GPU memory: NCCL on `cuda_device` of this process, its unique id spread
/// over `host`. Throws Error(device) naming both ranks when two share a GPU. `host` must outlive
/// it.
std::unique_ptr<Communicator> make_nccl_communicator(Communicator& host, int cuda_device,
                                                     const CommunicatorOptions& options);

/// MPI_Finalize when MPI runs and all ranks got here; safe to call always.
void finalize_communication();
/// Ends this job at once with `exit_code`, also the ranks that wait for this one.
[[noreturn]] void abort_job(int exit_code);

}  // namespace lockstep
