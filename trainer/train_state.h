// state.json of a checkpoint: what is not tensors, and the digests of the files beside it.
//
// The text is canonical: sorted keys, two spaces, a newline at the end, and `state_sha256` over the
// same text without that key. A reader takes nothing but this very text, so a flip of any byte
// shows. These rules hold for every `format_version`; only the other keys may change with it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "trainer/observers/observer.h"
#include "trainer/selection_state.h"

namespace lockstep {

/// The part of a checkpoint that is not tensors.
struct TrainState {
  int64_t step = 0;         ///< optimizer steps done
  int64_t epoch = 0;        ///< of the next batch, from 0
  int64_t index = 0;        ///< of the next global batch in that epoch
  int64_t incarnation = 1;  ///< how many starts this run has had; the highest one owns the folder
  std::string data_fingerprint;
  std::string task;
  std::map<std::string, std::string> config;  ///< every field: path -> value as YAML
  std::string model;  ///< JSON that the model can be built again from (shapes, classes, labels)
  std::map<std::string, double> epoch_sums;  ///< running sums of the epoch begun, by name
  Metrics metrics;                           ///< of the last evaluation, for people
  SelectionState selection;
};

/// A file that lies beside state.json.
struct FileDigest {
  uint64_t bytes = 0;
  std::string sha256;
};

struct StateFile {
  TrainState state;
  std::map<std::string, FileDigest> files;
};

/// The newest format this program writes and reads.
inline constexpr int64_t kCheckpointFormat = 1;

/// The text of state.json. Doubles read back to the same bits, also when they are not finite.
std::string to_state_json(const StateFile& file);

/// Throws Error(corrupt) naming `origin` when a byte is not as written, and Error(config) when a
/// newer program wrote it.
StateFile from_state_json(std::string_view text, const std::string& origin);

}  // namespace lockstep
