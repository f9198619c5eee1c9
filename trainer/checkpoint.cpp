#include "trainer/checkpoint.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <system_error>
#include <tuple>

#include "data/base/atomic_file.h"
#include "data/base/error.h"
#include "trainer/run_directory.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kPrefix = "step-";
constexpr std::string_view kAside = ".tmp-";

/// What a folder's name says: step-00000938 (revision 1), step-00000938.2, ...
struct FolderName {
  int64_t step = 0;
  int64_t revision = 1;

  std::string text() const {
    const std::string base = fmt::format("{}{:08}", kPrefix, step);
    return revision == 1 ? base : fmt::format("{}.{}", base, revision);
  }
  static std::optional<FolderName> parse(std::string_view text) {
    FolderName name;
    if (!text.starts_with(kPrefix)) return std::nullopt;
    const char* end = text.data() + text.size();
    const auto step = std::from_chars(text.data() + kPrefix.size(), end, name.step);
    if (step.ec == std::errc() && step.ptr != end && *step.ptr == '.') {
      std::from_chars(step.ptr + 1, end, name.revision);
    }
    return name.text() == text ? std::optional(name) : std::nullopt;
  }
};

/// A committed folder; `state` is empty when its state.json cannot be trusted.
struct Found {
  fs::path folder;
  FolderName name;
  std::optional<StateFile> state;
  std::string problem;  ///< why there is no state
  bool from_newer_program = false;

  auto age_key() const {
    return std::tuple(state ? state->state.incarnation : 0, name.step, name.revision);
  }
};

Found look_at(const fs::path& folder, const FolderName& name) {
  Found found{.folder = folder, .name = name, .state = {}, .problem = {}};
  try {
    found.state = read_checkpoint_state(folder);
  } catch (const Error& problem) {
    found.problem = problem.what();
    found.from_newer_program = problem.code() == ExitCode::config;
  }
  return found;
}

/// All committed folders, newest first, those without a readable state last.
std::vector<Found> committed_in(const fs::path& checkpoints) {
  std::vector<Found> found;
  std::error_code problem;
  for (fs::directory_iterator entry(checkpoints, problem), end; !problem && entry != end;
       entry.increment(problem)) {
    const auto name = FolderName::parse(entry->path().filename().string());
    if (name) found.push_back(look_at(entry->path(), *name));
  }
  std::sort(found.begin(), found.end(),
            [](const Found& a, const Found& b) { return a.age_key() > b.age_key(); });
  return found;
}

/// The name under which a folder is filled or dies. It tells whose it is: see remove_leftovers.
std::string aside_name(int64_t incarnation, const std::string& name) {
  return fmt::format("{}{}-{}-{}", kAside, incarnation, name, ::getpid());
}

/// Renames first: a kill half-way through the removal must not leave a damaged checkpoint.
void discard(const fs::path& folder, int64_t incarnation) {
  std::error_code ignored;
  const fs::path aside =
      folder.parent_path() / aside_name(incarnation, "old-" + folder.filename().string());
  fs::rename(folder, aside, ignored);
  fs::remove_all(aside, ignored);
}

/// Removes what was being written or removed when an incarnation up to this one was interrupted.
void remove_leftovers(const fs::path& checkpoints, int64_t up_to_incarnation) {
  std::error_code ignored;
  std::vector<fs::path> leftovers;
  for (const auto& entry : fs::directory_iterator(checkpoints, ignored)) {
    const std::string name = entry.path().filename().string();
    int64_t incarnation = 0;
    if (!name.starts_with(kAside)) continue;
    std::from_chars(name.data() + kAside.size(), name.data() + name.size(), incarnation);
    if (incarnation <= up_to_incarnation) leftovers.push_back(entry.path());
  }
  for (const fs::path& folder : leftovers) fs::remove_all(folder, ignored);
}

int64_t newest_incarnation(const std::vector<Found>& found) {
  return found.empty() || !found.front().state ? 0 : found.front().state->state.incarnation;
}

/// Stops a process that no longer owns the run but does not know it: a job whose node was given up
/// and whose successor has started.
void check_fence(const fs::path& run_dir, const std::vector<Found>& found, int64_t incarnation) {
  const auto owner = read_run_owner(run_dir);
  const bool other_owner = owner && !owner->is_this_process();
  if (!other_owner && newest_incarnation(found) <= incarnation) return;
  throw Error(
      ExitCode::run_directory,
      fmt::format("run folder {}: a newer start of this run has taken over ({})", run_dir.string(),
                  other_owner ? owner->text()
                              : fmt::format("incarnation {} has saved here, this is {}",
                                            newest_incarnation(found), incarnation)),
      "nothing was changed; this job can be ended");
}

/// What the owner of the run folder must add to its incarnation to be above all that is there. Who
/// does not hold the folder gets no such help: it may be the one that was replaced.
int64_t lift_over(const fs::path& run_dir, const std::vector<Found>& found, int64_t incarnation) {
  const auto owner = read_run_owner(run_dir);
  if (!owner || !owner->is_this_process()) return 0;
  return std::max<int64_t>(0, newest_incarnation(found) + 1 - incarnation);
}

/// A name for `step` that no committed folder has and that sorts after those of the same step.
FolderName free_name(const std::vector<Found>& found, int64_t step) {
  FolderName name{.step = step, .revision = 1};
  for (const Found& other : found) {
    if (other.name.step == step) name.revision = std::max(name.revision, other.name.revision + 1);
  }
  return name;
}

[[noreturn]] void fail_save(const fs::path& path, const std::error_code& reason) {
  throw Error(ExitCode::save_failed, fmt::format("{}: {}", path.string(), reason.message()),
              "check free space and permissions of the run folder");
}

void make_folder(const fs::path& folder) {
  std::error_code problem;
  fs::create_directory(folder, problem);
  if (problem) fail_save(folder, problem);
}

void move_into_place(const fs::path& aside, const fs::path& target) {
  std::error_code problem;
  fs::rename(aside, target, problem);
  if (problem) fail_save(target, problem);
  sync_folder(target.parent_path());
}

}  // namespace

CheckpointStore::CheckpointStore(fs::path run_dir, const std::string& name)
    : run_dir_(std::move(run_dir)), folder_(run_dir_ / name) {}

CheckpointReport CheckpointStore::commit(const TrainState& given,
                                         const std::vector<TensorView>& model,
                                         const std::vector<TensorView>& optimizer,
                                         const std::optional<fs::path>& twin) {
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<Found> found = committed_in(folder_);
  if (lift_ < 0) lift_ = lift_over(run_dir_, found, given.incarnation);
  TrainState state = given;
  state.incarnation += lift_;
  check_fence(run_dir_, found, state.incarnation);
  std::error_code ignored;
  if (!fs::exists(folder_, ignored)) {
    make_folder(folder_);
    sync_folder(run_dir_);
  }
  const fs::path target = folder_ / free_name(found, state.step).text();
  const fs::path aside = folder_ / aside_name(state.incarnation, target.filename().string());
  CheckpointReport report{.step = state.step, .folder = target};
  try {
    fs::remove_all(aside, ignored);
    make_folder(aside);
    report.bytes = write_checkpoint_files(aside, state, model, optimizer, twin);
    // Writing can take long enough for another job to take over.
    check_fence(run_dir_, committed_in(folder_), state.incarnation);
    move_into_place(aside, target);
  } catch (...) {
    // After a failed fsync nobody knows what is on the disk: this attempt is dead, also if renamed.
    discard(fs::exists(aside, ignored) ? aside : target, state.incarnation);
    throw;
  }
  for (const Found& other : found) {
    const bool superseded = other.name.step == state.step && !other.from_newer_program;
    if (superseded) discard(other.folder, state.incarnation);
  }
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return report;
}

std::optional<Checkpoint> CheckpointStore::newest_intact(
    const std::function<void(const std::string&)>& warn) const {
  const std::vector<Found> found = committed_in(folder_);
  bool vanished = false;
  const auto pass_over = [&](const Found& damaged, const std::string& reason) {
    std::error_code ignored;
    vanished = vanished || !fs::exists(damaged.folder, ignored);
    if (!vanished)
      warn(fmt::format("checkpoint {} is damaged and passed over: {}", damaged.folder.string(),
                       reason));
  };
  for (const Found& candidate : found) {
    if (candidate.from_newer_program) read_checkpoint_state(candidate.folder);
    if (!candidate.state) pass_over(candidate, candidate.problem);
  }
  for (const Found& candidate : found) {
    try {
      if (candidate.state) return read_checkpoint_files(candidate.folder, *candidate.state);
    } catch (const Error& problem) {
      pass_over(candidate, problem.what());
    }
  }
  if (found.empty()) return std::nullopt;
  // The run goes on and has deleted what was listed, after it saved something newer.
  if (vanished) return newest_intact(warn);
  throw Error(
      ExitCode::corrupt,
      fmt::format("{}: none of its {} checkpoints is intact", folder_.string(), found.size()),
      "restore the folder from a copy, or start anew in another run.dir");
}

void CheckpointStore::keep_newest(int64_t count) {
  const std::vector<Found> found = committed_in(folder_);
  const auto owner = read_run_owner(run_dir_);
  if (owner && !owner->is_this_process()) return;
  std::vector<fs::path> superfluous;
  int64_t kept = 0;
  for (const Found& candidate : found) {
    if (candidate.from_newer_program) continue;
    if (kept < count && candidate.state && is_intact(candidate.folder, *candidate.state)) {
      ++kept;
    } else {
      superfluous.push_back(candidate.folder);
    }
  }
  const int64_t incarnation = std::max<int64_t>(newest_incarnation(found), 1);
  if (kept > 0) {
    for (const fs::path& folder : superfluous) discard(folder, incarnation);
  }
  remove_leftovers(folder_, owner ? std::max(incarnation, owner->incarnation) : incarnation);
}

bool CheckpointStore::empty() const {
  return committed_in(folder_).empty();
}

Checkpoint load_checkpoint(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) {
    throw Error(ExitCode::missing,
                fmt::format("{}: there is no such checkpoint folder", folder.string()));
  }
  try {
    return read_checkpoint_files(folder, read_checkpoint_state(folder));
  } catch (const Error& problem) {
    // A file that is missing inside a checkpoint is damage to the checkpoint.
    if (problem.code() != ExitCode::missing) throw;
    throw Error(ExitCode::corrupt, problem.what(), "use another checkpoint of this run");
  }
}

Checkpoint load_run_or_checkpoint(const fs::path& source,
                                  const std::function<void(const std::string&)>& warn) {
  std::error_code ignored;
  if (fs::exists(source / kCheckpointState, ignored)) return load_checkpoint(source);
  if (auto newest = CheckpointStore(source).newest_intact(warn)) return *std::move(newest);
  const CheckpointStore among(source.parent_path(), source.filename().string());
  if (auto newest = among.newest_intact(warn)) return *std::move(newest);
  throw Error(
      ExitCode::missing,
      fmt::format("{}: neither a checkpoint nor a run folder with checkpoints", source.string()),
      "give a run folder such as runs/mnist or a folder below its checkpoints/");
}

}  // namespace lockstep
