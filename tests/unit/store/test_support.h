// What the tests of files share.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "tests/unit/base/temp_folder.h"

namespace lockstep::testing {

inline std::string read_all(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_all(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// The exit code of the Error that `action` throws; done when it throws none.
template <class Action>
ExitCode code_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  return ExitCode::done;
}

/// The text of the Error that `action` throws, hint included; empty when it throws none.
template <class Action>
std::string text_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.full_text();
  }
  return {};
}

/// The Python of the virtual environment; empty outside ctest.
inline std::string python() {
  const char* path = std::getenv("LOCKSTEP_PYTHON");
  return path == nullptr ? "" : path;
}

/// Runs `code` and returns its exit status; `code` uses no single quotes.
inline int run_python(const std::string& code) {
  return std::system((python() + " -c '" + code + "'").c_str());
}

}  // namespace lockstep::testing
