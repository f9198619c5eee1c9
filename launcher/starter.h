// Starting the ranks of one host ourselves: mpirun as a child, its signals, its output, its end.
#pragma once

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

#include "launcher/exit_codes.h"

namespace lockstep {

/// Set for ranks that start_ranks() has started.
inline constexpr const char* kStarterVariable = "LOCKSTEP_STARTER";

/// The full path of `name` by PATH, empty when it is not there.
std::filesystem::path find_program(const std::string& name);

/// Processor cores (not hardware threads) that this process may run on.
int usable_cores();

/// mpirun's options for `ranks` ranks: each bound to its even share of the cores, or unbound when
/// there are more ranks than cores.
std::vector<std::string> mpirun_options(int ranks, int cores);

struct StartPlan {
  std::filesystem::path program;                ///< what a rank runs
  std::vector<std::string> arguments;           ///< of a rank
  std::vector<std::string> continue_arguments;  ///< once this job has left a checkpoint of its own
  int ranks = 1;
  std::filesystem::path run_dir;  ///< empty when there is nothing to continue from
  int64_t max_restarts = 0;
};

/// Starts the ranks and waits for their end; after a lost rank starts them again from the last
/// checkpoint, up to `max_restarts` times and not after three starts in a row that brought no newer
/// one (ExitCode::bug). Meanwhile SIGINT, SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 to this process ask
/// the ranks to stop at the next step; a second SIGINT or SIGTERM ends them. The ranks do not
/// outlive this process. What happened goes to `messages`. Sets NO_COLOR for the ranks when our
/// output is no terminal.
///
/// Throws Error(missing) when there is no mpirun.
ExitCode start_ranks(const StartPlan& plan, std::ostream& messages);

}  // namespace lockstep
