// Checkpoint folders: what a run needs to continue, at any world size, bit for bit.
//
//   checkpoints/step-00000938/
//     model.safetensors      parameters by name
//     optimizer.safetensors  optimizer state by "state name/parameter name"
//     state.json             everything else, and a SHA-256 of each of the two files
//
// A folder is written under another name, every file fsynced, then renamed, then the parent
// fsynced: a reader never sees half a checkpoint. Knows nothing of ranks and LibTorch.
//
// A step that is done again (after a return to an older checkpoint) is saved as step-00000938.2,
// then .3 and so on; only once it is durable does the older folder of that step go. So there is
// no moment without a valid one, and all that is asked of the file system is a plain rename.
//
// Each start of a run has a higher *incarnation*. The highest (incarnation, step) is the newest;
// an older incarnation that still lives can neither replace nor delete what a newer one wrote.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "trainer/checkpoint_files.h"
#include "trainer/observers/observer.h"
#include "trainer/safetensors.h"
#include "trainer/train_state.h"

namespace lockstep {

/// Writes checkpoints into `run_dir`/checkpoints and finds them again.
class CheckpointStore {
 public:
  /// `name`: the folder in `run_dir` that holds them.
  explicit CheckpointStore(std::filesystem::path run_dir, const std::string& name = "checkpoints");

  /// Writes and commits; returns what was written. Throws Error(save_failed): the checkpoints
  /// there were are untouched and nothing half-written stays. Throws Error(run_directory) when a
  /// newer incarnation has committed into this folder meanwhile, or another process owns the run
  /// folder by its `run.lock` (this process is a zombie). An owner whose incarnation is not above
  /// what is here already (its `run.lock` was lost, or copied without) counts on from that instead.
  /// `twin`: a checkpoint that this process has written of the same step into another store of the
  /// run folder. A file with the same content is not written again but linked; what happens to one
  /// of the two folders later does nothing to the other.
  CheckpointReport commit(const TrainState& given, const std::vector<TensorView>& model,
                          const std::vector<TensorView>& optimizer,
                          const std::optional<std::filesystem::path>& twin = {});

  /// The newest checkpoint that is intact: highest (incarnation, step). Damaged ones are passed
  /// over, each with a warning that says why. Nothing when there is none at all; Error(corrupt)
  /// when there are some but none is intact; Error(config) when one comes from a newer program.
  std::optional<Checkpoint> newest_intact(
      const std::function<void(const std::string&)>& warn) const;

  /// Deletes all but the `count` newest intact ones, and what interrupted writes left behind.
  /// Reads those it keeps in full before anything goes, and deletes nothing when none is intact;
  /// never touches what a newer incarnation or a newer program wrote. For the owner of the run
  /// folder only. A folder that cannot be removed stays, without an error.
  void keep_newest(int64_t count);

  bool empty() const;

 private:
  std::filesystem::path run_dir_;
  std::filesystem::path folder_;
  int64_t lift_ = -1;  ///< added to each incarnation; known from the first commit on
};

/// Loads and verifies one checkpoint folder. Throws Error: missing, corrupt, or config when a newer
/// program wrote it.
Checkpoint load_checkpoint(const std::filesystem::path& folder);

/// `source` is a run folder (its newest intact checkpoint), a folder of checkpoints such as its
/// best/ (the newest there), or a checkpoint folder.
Checkpoint load_run_or_checkpoint(const std::filesystem::path& source,
                                  const std::function<void(const std::string&)>& warn);

}  // namespace lockstep
