#include "trainer/checkpoint_files.h"

#include <system_error>

#include "data/base/atomic_file.h"
#include "data/base/error.h"
#include "data/base/sha256.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;
constexpr const char* kModel = "model.safetensors";
constexpr const char* kOptimizer = "optimizer.safetensors";
constexpr size_t kMaxStateBytes = size_t{64} << 20;

/// Reads a file of the checkpoint and holds it against the digest in state.json.
std::string read_verified(const fs::path& folder, const StateFile& file, const char* name) {
  const fs::path path = folder / name;
  const auto digest = file.files.find(name);
  if (digest == file.files.end()) {
    throw Error(ExitCode::corrupt, fmt::format("{}: state.json does not list it", path.string()));
  }
  std::error_code problem;
  const auto size = fs::file_size(path, problem);
  if (problem || size != digest->second.bytes) {
    throw Error(ExitCode::corrupt, problem
                                       ? fmt::format("{}: {}", path.string(), problem.message())
                                       : fmt::format("{}: has {} bytes, state.json says {}",
                                                     path.string(), size, digest->second.bytes));
  }
  std::string bytes = read_file(path, size);
  if (sha256_of(bytes) != digest->second.sha256) {
    throw Error(ExitCode::corrupt,
                fmt::format("{}: its SHA-256 is not that in state.json", path.string()));
  }
  return bytes;
}

/// A checkpoint that has what another one needs, perhaps.
struct Twin {
  fs::path folder;
  StateFile state;
};

std::optional<Twin> open_twin(const std::optional<fs::path>& folder) {
  if (!folder) return std::nullopt;
  try {
    return Twin{*folder, read_checkpoint_state(*folder)};
  } catch (const Error&) {
    return std::nullopt;  // it is gone meanwhile
  }
}

/// Gives the twin's file, durable as it is, a second name; false where that cannot be.
bool link_same_file(const Twin& twin, const fs::path& place, const FileDigest& digest) {
  const std::string name = place.filename().string();
  const auto found = twin.state.files.find(name);
  if (found == twin.state.files.end() || found->second.sha256 != digest.sha256) return false;
  std::error_code problem;
  fs::create_hard_link(twin.folder / name, place, problem);
  return !problem;
}

}  // namespace

StateFile read_checkpoint_state(const fs::path& folder) {
  const fs::path path = folder / kCheckpointState;
  return from_state_json(read_file(path, kMaxStateBytes), path.string());
}

Checkpoint read_checkpoint_files(const fs::path& folder, const StateFile& file) {
  const auto tensors = [&](const char* name) {
    return from_safetensors(read_verified(folder, file, name), (folder / name).string());
  };
  return {folder, file.state, tensors(kModel), tensors(kOptimizer)};
}

bool is_intact(const fs::path& folder, const StateFile& file) {
  try {
    read_verified(folder, file, kModel);
    read_verified(folder, file, kOptimizer);
    return true;
  } catch (const Error&) {
    return false;
  }
}

int64_t write_checkpoint_files(const fs::path& folder, const TrainState& state,
                               const std::vector<TensorView>& model,
                               const std::vector<TensorView>& optimizer,
                               const std::optional<fs::path>& twin_folder) {
  const std::optional<Twin> twin = open_twin(twin_folder);
  StateFile file{.state = state, .files = {}};
  uint64_t total = 0;
  const auto write_tensors = [&](const char* name, const std::vector<TensorView>& tensors) {
    const std::string bytes = to_safetensors(tensors, {{"format", "pt"}});
    file.files[name] = {bytes.size(), sha256_of(bytes)};
    const bool linked = twin && link_same_file(*twin, folder / name, file.files[name]);
    if (!linked) write_new_file(folder / name, bytes);
    total += bytes.size();
  };
  write_tensors(kModel, model);
  write_tensors(kOptimizer, optimizer);
  const std::string text = to_state_json(file);
  write_new_file(folder / kCheckpointState, text);
  sync_folder(folder);
  return static_cast<int64_t>(total + text.size());
}

}  // namespace lockstep
