// From the words of a command line to an exit code.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace lockstep {

/// A command line while it is parsed: the verb that it names leaves here what it will do.
struct CommandLine {
  std::vector<std::string> words;  ///< without the program's name
  std::function<int()> action;
};

/// Parses and runs. Mistakes of form give ExitCode::usage with the nearest verb or option. Results
/// and help go to `out`, messages to `errors`. Never throws.
int run_command_line(const std::vector<std::string>& words, std::ostream& out,
                     std::ostream& errors);

}  // namespace lockstep
