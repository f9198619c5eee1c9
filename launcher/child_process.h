// One child process whose output passes through us.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

struct ChildHandlers {
  std::function<void(std::string_view)> output;         ///< bytes of its standard output
  std::function<void(std::string_view)> errors;         ///< bytes of its standard error
  std::function<void(int signal, pid_t child)> signal;  ///< one that came to us meanwhile
  std::function<void(pid_t child)> every_second;
};

/// Runs `arguments` (a full path first) in a process group of its own, with an empty standard
/// input, and returns its status as of waitpid(). SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2,
/// SIGTSTP and SIGCONT are caught and handed to `handlers` in the meantime. When this process dies
/// the child gets SIGTERM. Throws Error(missing) when it cannot be started. One call at a time.
int run_child(const std::vector<std::string>& arguments, const ChildHandlers& handlers);

}  // namespace lockstep
