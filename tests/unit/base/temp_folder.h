// A folder for one test that is gone afterwards.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include "data/base/error.h"

namespace lockstep::testing {

class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lockstep-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = pattern;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

  /// How many files and folders are in it, hidden ones too.
  size_t entries() const {
    size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      count += entry.path().empty() ? 0 : 1;
    }
    return count;
  }

 private:
  std::filesystem::path path_;
};

/// Calls `function`, which must throw an Error with this code and with `part` in its full text.
template <class Function>
void expect_error(ExitCode code, const std::string& part, Function function) {
  try {
    function();
    ADD_FAILURE() << "no error was thrown; expected one with \"" << part << '"';
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.full_text();
    EXPECT_NE(error.full_text().find(part), std::string::npos)
        << '"' << part << "\" is not in: " << error.full_text();
  }
}

}  // namespace lockstep::testing
