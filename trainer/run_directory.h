// The folder of one run: owned by one job at a time, and by one configuration for ever.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>

namespace lockstep {

/// Rank zero's hold on a run folder. The lock is the kernel's (flock), so it ends with the process.
class RunDirectory {
 public:
  /// Creates the folder if need be, proves that it can be written, takes its lock and writes the
  /// owner (host, process, start time) into `run.lock`. Throws Error(run_directory): not a folder,
  /// not writable, or held by another job, whose owner is named.
  explicit RunDirectory(std::filesystem::path folder);
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
  int lock_ = -1;
};

/// Throws Error(config) listing every field, old and new value, in which `now` differs from
/// `saved`, except those in `may_change`. Fields that only one side has are differences when the
/// side that lacks it cannot be the default... see the source for the rule.
void require_same_config(const std::filesystem::path& run_dir,
                         const std::map<std::string, std::string>& saved,
                         const std::map<std::string, std::string>& now,
                         const std::set<std::string>& may_change);

}  // namespace lockstep
