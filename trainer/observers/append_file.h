// A file that grows by whole records.
#pragma once

#include <filesystem>
#include <string_view>

namespace lockstep {

class AppendFile {
 public:
  /// Opens or creates. Throws Error(save_failed).
  explicit AppendFile(std::filesystem::path path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  /// Hands the record to the system at once, so that readers see it and a crash of this process
  /// cannot lose it. Throws Error(save_failed); what was written of the record is taken back.
  void append(std::string_view record);

 private:
  std::filesystem::path path_;
  int file_ = -1;
};

}  // namespace lockstep
