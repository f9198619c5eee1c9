// What the tests of files share.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "data/base/error.h"

namespace lockstep::testing {

/// A fresh folder that goes with the object.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "lockstep-store-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

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

}  // namespace lockstep::testing
