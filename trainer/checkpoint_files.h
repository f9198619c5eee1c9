// The three files of one checkpoint folder; checkpoint.h says what they are, and which folders
// there are.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "trainer/safetensors.h"
#include "trainer/train_state.h"

namespace lockstep {

/// The file that makes a folder a checkpoint.
inline constexpr const char* kCheckpointState = "state.json";

struct Checkpoint {
  std::filesystem::path folder;
  TrainState state;
  std::map<std::string, StoredTensor> model;
  std::map<std::string, StoredTensor> optimizer;
};

/// Throws Error: missing, corrupt, or config when a newer program wrote it.
StateFile read_checkpoint_state(const std::filesystem::path& folder);

/// Reads the other two files and holds them against the digests in `file`, the folder's own state.
/// Throws Error: missing or corrupt.
Checkpoint read_checkpoint_files(const std::filesystem::path& folder, const StateFile& file);

/// Whether that would succeed, but for what the tensors are.
bool is_intact(const std::filesystem::path& folder, const StateFile& file);

/// Writes and fsyncs the three files; returns how many bytes they have. A file that the checkpoint
/// in `twin` has too, byte for byte, is linked from there instead where that can be. Throws
/// Error(save_failed).
int64_t write_checkpoint_files(const std::filesystem::path& folder, const TrainState& state,
                               const std::vector<TensorView>& model,
                               const std::vector<TensorView>& optimizer,
                               const std::optional<std::filesystem::path>& twin);

}  // namespace lockstep
