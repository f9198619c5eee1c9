// A folder that appears complete or not at all.
#pragma once

#include <filesystem>

namespace lockstep {

/// Throws Error(usage) when `out` exists and is not an empty folder.
void require_free(const std::filesystem::path& out);

/// Collects files in a hidden folder beside `out`, which commit() renames. Destroyed before that
/// it removes what was collected, and the parents it had to make.
class StagedFolder {
 public:
  /// Throws Error(usage) when `out` exists and is not an empty folder, Error(save_failed) when
  /// nothing can be made beside it.
  explicit StagedFolder(const std::filesystem::path& out);
  ~StagedFolder();
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;

  /// Where to put the files until commit().
  const std::filesystem::path& path() const { return staged_; }
  void commit();

 private:
  std::filesystem::path out_;
  std::filesystem::path staged_;
  std::filesystem::path first_new_parent_;  ///< empty when all parents were there
  bool committed_ = false;
};

}  // namespace lockstep
