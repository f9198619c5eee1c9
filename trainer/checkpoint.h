// Checkpoint folders: what a run needs to continue, at any world size, bit for bit.
//
//   checkpoints/step-00000938/
//     model.safetensors      parameters by name
//     optimizer.safetensors  optimizer state by "state name/parameter name"
//     state.json             everything else, and a SHA-256 of each of the two files
//
// A folder is written under another name, every file fsynced, then renamed, then the parent
// fsynced: a reader never sees half a checkpoint. Knows nothing of ranks and LibTorch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "trainer/observers/observer.h"
#include "trainer/safetensors.h"

namespace lockstep {

/// The part of a checkpoint that is not tensors.
struct TrainState {
  int64_t step = 0;    ///< optimizer steps done
  int64_t epoch = 0;   ///< of the next batch, from 0
  int64_t index = 0;   ///< of the next global batch in that epoch
  int64_t incarnation = 1;  ///< how many starts this run has had; the highest one owns the folder
  std::string data_fingerprint;
  std::string task;
  std::map<std::string, std::string> config;  ///< every field: path -> value as YAML
  std::string model;  ///< JSON that the model can be built again from (shapes, classes, labels)
  std::map<std::string, double> epoch_sums;   ///< running sums of the epoch begun, by name
  Metrics metrics;    ///< of the last evaluation, for people
};

struct Checkpoint {
  std::filesystem::path folder;
  TrainState state;
  std::map<std::string, StoredTensor> model;
  std::map<std::string, StoredTensor> optimizer;
};

/// Writes checkpoints into `run_dir`/checkpoints and finds them again.
class CheckpointStore {
 public:
  explicit CheckpointStore(std::filesystem::path run_dir);

  /// Writes and commits; returns what was written. Throws Error(save_failed): the checkpoints
  /// there were are untouched and nothing half-written stays. Throws Error(run_directory) when a
  /// newer incarnation has committed into this folder meanwhile (this process is a zombie).
  CheckpointReport commit(const TrainState& state, const std::vector<TensorView>& model,
                          const std::vector<TensorView>& optimizer);

  /// The newest checkpoint that is intact: highest (incarnation, step). Damaged ones are passed
  /// over, each with a warning that says why. Nothing when there is none at all; Error(corrupt)
  /// when there are some but none is intact.
  std::optional<Checkpoint> newest_intact(const std::function<void(const std::string&)>& warn) const;

  /// Deletes all but the `count` newest intact ones, and what interrupted writes left behind.
  void keep_newest(int64_t count);

  bool empty() const;

 private:
  std::filesystem::path folder_;
};

/// Loads and verifies one checkpoint folder. Throws Error (missing, corrupt) saying what is wrong.
Checkpoint load_checkpoint(const std::filesystem::path& folder);

/// `source` is a run folder (its newest intact checkpoint) or a checkpoint folder.
Checkpoint load_run_or_checkpoint(const std::filesystem::path& source,
                                  const std::function<void(const std::string&)>& warn);

}  // namespace lockstep
