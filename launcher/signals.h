// Signals that ask a rank to stop.
#pragma once

#include <atomic>

namespace lockstep {

/// SIGINT, SIGTERM, SIGUSR1 and SIGUSR2 from now on ask for a stop at the next step boundary
/// instead of ending the process; the flag says whether one came. A second SIGINT ends it at once.
/// Call again after libraries that install handlers of their own (MPI, NCCL) have started.
const std::atomic<bool>& install_stop_handlers();

/// Writing to a closed pipe gives an error instead of ending the process: a run goes on when
/// whoever read its output has left.
void ignore_broken_pipes();

}  // namespace lockstep
