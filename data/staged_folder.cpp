#include "data/staged_folder.h"

#include <unistd.h>

#include "data/base/atomic_file.h"
#include "data/base/error.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

fs::path first_missing(fs::path folder) {
  fs::path missing;
  while (!folder.empty() && !fs::exists(folder)) {
    missing = folder;
    folder = folder.parent_path();
  }
  return missing;
}

}  // namespace

void require_free(const fs::path& out) {
  std::error_code failure;
  const fs::file_status status = fs::symlink_status(out, failure);
  if (!fs::exists(status)) return;
  if (fs::is_directory(status) && fs::is_empty(out, failure) && !failure) return;
  throw Error(ExitCode::usage,
              fmt::format("{}: exists already and is not an empty folder", out.string()),
              "choose another --out, or remove it first");
}

StagedFolder::StagedFolder(const fs::path& out) : out_(fs::absolute(out).lexically_normal()) {
  if (!out_.has_filename()) out_ = out_.parent_path();  // "folder/" names the same as "folder"
  require_free(out_);
  const fs::path parent = out_.parent_path();
  first_new_parent_ = first_missing(parent);
  staged_ = parent / fmt::format(".{}.partial-{}", out_.filename().string(), ::getpid());
  std::error_code failure;
  fs::create_directories(staged_, failure);
  if (failure) {
    throw Error(
        ExitCode::save_failed,
        fmt::format("{}: cannot make a folder here: {}", parent.string(), failure.message()),
        "check that you may write there");
  }
}

StagedFolder::~StagedFolder() {
  if (committed_) return;
  std::error_code ignored;
  fs::remove_all(staged_, ignored);
  for (fs::path folder = staged_.parent_path(); !first_new_parent_.empty();
       folder = folder.parent_path()) {
    if (!fs::remove(folder, ignored) || folder == first_new_parent_) break;
  }
}

void StagedFolder::commit() {
  std::error_code failure;
  fs::rename(staged_, out_, failure);  // replaces an empty folder, as rename(2) does
  if (failure) {
    throw Error(ExitCode::save_failed,
                fmt::format("{}: cannot be put in place: {}", out_.string(), failure.message()),
                "check that the folder is still empty and that you may write there");
  }
  committed_ = true;
  sync_folder(out_.parent_path());
}

}  // namespace lockstep
