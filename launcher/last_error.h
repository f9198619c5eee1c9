// What a failing rank leaves in the run folder, so that whoever started it can tell why it ended
// when all that mpirun passes on is a number.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "data/base/error.h"

namespace lockstep {

struct LastError {
  int rank = 0;
  std::string host;
  ExitCode code = ExitCode::bug;
  std::string message;
  std::string written;  ///< time and process: tells one failure from the next

  bool operator==(const LastError&) const = default;
};

/// Writes `run_dir`/last_error.json atomically. Does nothing when there is no such folder, and
/// nothing about errors of its own: the process is failing already.
void write_last_error(const std::filesystem::path& run_dir, LastError error) noexcept;

/// Nothing when the file is not there or makes no sense.
std::optional<LastError> read_last_error(const std::filesystem::path& run_dir);

}  // namespace lockstep
