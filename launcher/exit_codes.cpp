#include "launcher/exit_codes.h"

#include <signal.h>
#include <sys/wait.h>

#include "launcher/mpirun_output.h"

namespace lockstep {
namespace {

/// As a shell shows it.
int shell_code(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

}  // namespace

bool is_ours(int code) {
  return describe(static_cast<ExitCode>(code)) != "unknown";
}

Ending ending_of(const EndingFacts& facts) {
  const int code = shell_code(facts.wait_status);
  if (is_ours(code)) return {static_cast<ExitCode>(code), {}};
  if (facts.last_error && facts.last_error->code != ExitCode::done) {
    const LastError& error = *facts.last_error;
    return {error.code, fmt::format("rank {} on {}: {}", error.rank, error.host, error.message)};
  }
  if (facts.stop_requested && code == 128 + SIGUSR1) {
    return {ExitCode::drained, "stopped before the first step"};
  }
  const std::string lost = who_was_lost(facts.notices);
  if (facts.stop_requested)
    return {ExitCode::peer_lost, "stopped before a checkpoint was written: " + lost};
  return {ExitCode::peer_lost, fmt::format("{} (mpirun ended with {})", lost, code)};
}

}  // namespace lockstep
