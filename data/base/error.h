// The errors a user can cause or meet, and the exit code each ends in.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace lockstep {

/// Exit codes of the `lockstep` binary, one per kind of ending. They are a contract with batch
/// scripts: see README.md. Values follow sysexits.h where it has a match.
enum class ExitCode : int {
  done = 0,
  usage = 64,          ///< the command line cannot be understood
  corrupt = 65,        ///< a file is damaged or breaks its schema
  missing = 66,        ///< a file or folder is not there
  device = 69,         ///< no usable GPU, too few of them, or a GPU failed
  bug = 70,            ///< our mistake, or a crash loop
  run_directory = 73,  ///< the run folder cannot be used: not writable, owned by another job
  save_failed = 74,    ///< a checkpoint or result could not be written
  drained = 75,        ///< stopped on request with a checkpoint: run the same command to go on
  peer_lost = 76,      ///< another rank died, hung or disagreed
  config = 78,         ///< the configuration is wrong
  not_finite = 79,     ///< the loss or a gradient is NaN or infinite
  diverged = 80,       ///< replicas hold different parameters
};

/// One line that says what an exit code means, for --help and for the end of a run.
std::string_view describe(ExitCode code);

/// An error of the user or of the environment: says what is wrong and where, and in `hint` what
/// to do about it. `what()` is the message without the hint.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message, std::string hint = {})
      : std::runtime_error(message), code_(code), hint_(std::move(hint)) {}

  ExitCode code() const { return code_; }
  const std::string& hint() const { return hint_; }

  /// The message, and the hint on a line of its own when there is one.
  std::string full_text() const;

 private:
  ExitCode code_;
  std::string hint_;
};

/// Ends in ExitCode::bug: a condition that our own code must keep does not hold.
[[noreturn]] void fail_check(const char* file, int line, const char* expression,
                             const std::string& message);

}  // namespace lockstep

/// Checks what only a mistake in Lockstep itself can break; the rest takes fmt arguments.
#define LOCKSTEP_CHECK(condition, ...)                                                    \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      ::lockstep::fail_check(__FILE__, __LINE__, #condition, ::fmt::format(__VA_ARGS__)); \
    }                                                                                     \
  } while (false)
