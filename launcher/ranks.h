// Who we are in a job, and how work on a rank ends for the whole job.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "trainer/comm/communicator.h"
#include "trainer/comm/launch_environment.h"
#include "trainer/run_config.h"

namespace lockstep {

/// How many ranks a command started by hand should have: as asked, else as the run expects
/// (`run.world_size`), else one per GPU unless the device is the CPU, else one. Throws
/// Error(usage) when this process is a rank already and `asked` is not its world's size, and
/// Error(config) when `asked` is not what the run expects.
int ranks_wanted(std::optional<int> asked, const RunConfig& config,
                 const LaunchEnvironment& environment, const std::function<int()>& visible_gpus);

/// What this process can tell of its rank before it has met the others; 0 when it knows nothing.
int rank_by_environment();

/// The launch environment of this very process.
LaunchEnvironment own_launch_environment();

/// Whether standard output shows colours: a terminal, and nobody set NO_COLOR. mpirun gives ranks a
/// terminal of its own, so whoever started it sets NO_COLOR for them when his is none.
bool colours_are_welcome();

struct RankWork {
  double timeout_seconds = 60;
  bool shared_memory = true;      ///< as in CommunicatorOptions
  std::filesystem::path run_dir;  ///< where a failure is written down; empty for nowhere
  std::function<int(Communicator&)> run;
};

/// Meets the other ranks, does the work with stop signals caught, and returns its exit code. A
/// JobError is told once, by rank zero. Any other exception is one rank's own: that rank tells it
/// and ends the job at once, with the Error's code or ExitCode::bug.
int run_on_ranks(const LaunchEnvironment& environment, const RankWork& work);

}  // namespace lockstep
