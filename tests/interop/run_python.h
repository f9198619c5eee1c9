// Starts a script of tests/ with the Python of the virtual environment: the independent side.
#pragma once

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace lockstep::testing {

/// Null when ctest did not start this.
inline const char* python() {
  return std::getenv("LOCKSTEP_PYTHON");
}

/// The exit status of `python tests/SCRIPT ARGUMENTS...`; -1 when it did not end by itself, or
/// there is no Python.
inline int run_python(const std::string& script, std::vector<std::string> arguments) {
  if (python() == nullptr) return -1;
  arguments.insert(arguments.begin(),
                   {python(), std::string(LOCKSTEP_SOURCE_DIR) + "/tests/" + script});
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  pid_t child = 0;
  if (::posix_spawn(&child, python(), nullptr, nullptr, pointers.data(), environ) != 0) return -1;
  int status = -1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace lockstep::testing
