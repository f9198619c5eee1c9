#include "data/base/error.h"

namespace lockstep {

std::string_view describe(ExitCode code) {
  switch (code) {
    case ExitCode::done:
      return "done";
    case ExitCode::usage:
      return "the command line is wrong";
    case ExitCode::corrupt:
      return "a file is damaged or breaks its schema";
    case ExitCode::missing:
      return "a file or folder is missing";
    case ExitCode::device:
      return "no usable device, or a device failed";
    case ExitCode::bug:
      return "a bug in Lockstep, or a crash loop";
    case ExitCode::run_directory:
      return "the run folder cannot be used or is owned by another job";
    case ExitCode::save_failed:
      return "a checkpoint or result could not be written";
    case ExitCode::drained:
      return "stopped on request with a checkpoint: run the same command to continue";
    case ExitCode::peer_lost:
      return "a rank was lost, hung or disagreed";
    case ExitCode::config:
      return "the configuration is wrong";
    case ExitCode::not_finite:
      return "the loss or a gradient is not finite";
    case ExitCode::diverged:
      return "replicas diverged";
  }
  return "unknown";
}

std::string Error::full_text() const {
  return hint_.empty() ? std::string(what()) : fmt::format("{}\n  hint: {}", what(), hint_);
}

void fail_check(const char* file, int line, const char* expression, const std::string& message) {
  throw Error(ExitCode::bug,
              fmt::format("check failed at {}:{}: {}: {}", file, line, expression, message),
              "this is a mistake in Lockstep itself; please report it with the command and config");
}

}  // namespace lockstep
