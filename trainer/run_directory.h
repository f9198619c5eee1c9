// The folder of one run: owned by one job at a time, and by one configuration for ever.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace lockstep {

/// Who holds a run folder, as `run.lock` tells it.
struct RunOwner {
  std::string host;
  int64_t pid = 0;
  int64_t process_start =
      0;                    ///< clock ticks after boot: tells a process from a later one of its pid
  std::string job;          ///< SLURM_JOB_ID, empty outside Slurm
  std::string started;      ///< UTC, "2026-01-31T12:00:00Z"
  int64_t incarnation = 0;  ///< how many starts this folder has seen

  /// "process 4711 on node07 (Slurm job 1234), since 2026-01-31T12:00:00Z"
  std::string text() const;
  bool is_this_process() const;
};

/// Nothing when the folder was never owned or its `run.lock` cannot be understood.
std::optional<RunOwner> read_run_owner(const std::filesystem::path& run_dir);

/// Rank zero's hold on a run folder. The lock is the kernel's (flock), so it ends with the process
/// and a dead owner never has to be cleared away.
class RunDirectory {
 public:
  /// Creates the folder if need be, takes its lock, proves that it can be written and writes the
  /// owner into `run.lock`. Waits up to two seconds for a holder that is about to end. Throws
  /// Error(run_directory): not a folder, not writable, or held by another job, whose owner is
  /// named; a folder held by another job is not touched.
  explicit RunDirectory(std::filesystem::path folder);
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  const std::filesystem::path& folder() const { return folder_; }
  /// The number of this start, from 1, counted in `run.lock` also when a start saves nothing.
  int64_t incarnation() const { return incarnation_; }
  /// False on a file system without locks: two jobs at once are then only noticed at the next
  /// checkpoint, by the owner written here.
  bool locked() const { return locked_; }

 private:
  void take_lock();
  void prove_writable() const;
  void write_owner();

  std::filesystem::path folder_;
  int lock_ = -1;
  bool locked_ = false;
  int64_t incarnation_ = 1;
};

/// Throws Error(config) listing every field, old and new value, in which `now` differs from
/// `saved`, except those in `may_change`. A field that only `now` has came with a newer version,
/// whose default keeps the old behaviour: no difference. A field that only `saved` has is one this
/// version can no longer honour: a difference.
void require_same_config(const std::filesystem::path& run_dir,
                         const std::map<std::string, std::string>& saved,
                         const std::map<std::string, std::string>& now,
                         const std::set<std::string>& may_change);

}  // namespace lockstep
