// What every verb does that begins from a run file and may end on several ranks.
#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "launcher/config_reader.h"
#include "launcher/ranks.h"
#include "launcher/starter.h"

namespace lockstep {

/// A run file and its configuration, or why there is none. On ranks the failure is kept until all
/// have met, so that one of them can tell it.
struct RunFile {
  std::string name;  ///< stem of the file
  LoadedConfig loaded;
  std::exception_ptr failure;

  void require() const {
    if (failure) std::rethrow_exception(failure);
  }
};
RunFile open_run_file(const std::string& config, const std::vector<std::string>& overrides);

/// How a command goes on.
struct RankedCommand {
  const RunFile& file;
  std::optional<int> ranks;                 ///< as asked for with -n
  std::vector<std::string> words;           ///< of this command line
  std::vector<std::string> continue_words;  ///< for a start after a lost rank; empty: no such start
  std::function<int(Communicator&)> work;
};

/// Does `work` here when this process is a rank or the only one; else starts the ranks, which get
/// the same words, and waits for them. Returns the exit code.
int run_or_start(const RankedCommand& command);

}  // namespace lockstep
