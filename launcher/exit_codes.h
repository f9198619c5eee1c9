// From what the system says about a finished mpirun to our exit codes.
#pragma once

#include <optional>
#include <string>

#include "data/base/error.h"
#include "launcher/last_error.h"

namespace lockstep {

/// True for the values of ExitCode.
bool is_ours(int code);

/// How a start of the ranks ended.
struct Ending {
  ExitCode code = ExitCode::done;
  std::string message;  ///< for the user; empty when a rank has told already
};

struct EndingFacts {
  int wait_status = 0;                  ///< of mpirun, as waitpid() gives it
  bool stop_requested = false;          ///< by a signal to us
  std::optional<LastError> last_error;  ///< left by a rank in this start
  std::string notices;                  ///< what mpirun said
};

/// A code that only we use is believed; anything else (1, 137, 139, 205 ...) means that a rank or a
/// host was lost, and the rank's last error tells more if there is one.
Ending ending_of(const EndingFacts& facts);

}  // namespace lockstep
