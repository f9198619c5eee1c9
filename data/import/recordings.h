// Which sound files a data set is made of, and what is said in each.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/base/fields.h"
#include "data/import/name_pattern.h"
#include "data/import/split_plan.h"

namespace lockstep {

struct Recording {
  std::filesystem::path file;
  std::optional<size_t> split;      ///< when its folder or a condition says so
  std::string group;                ///< the speaker; empty when unknown
  std::vector<std::string> target;  ///< its label, or the characters of its transcript
  std::string problem;              ///< why it cannot be used; empty when it can
};

/// `--label-from`, `--transcripts`, `--validation-where` and `--test-where`.
struct RecordingOptions {
  std::string label_from;
  std::string transcripts;
  std::string validation_where;
  std::string test_where;

  void describe(Fields& fields);
  /// Throws Error(usage) when they do not fit together.
  void check() const;
  bool has_transcripts() const { return !transcripts.empty(); }
};

/// The .wav and .flac files in folders and the folders in them, sorted by their paths. Throws
/// Error: usage, missing when a folder is not there or holds none, corrupt for a transcript file
/// that is none.
std::vector<Recording> find_recordings(const std::vector<SplitSource>& folders,
                                       const RecordingOptions& options);

}  // namespace lockstep
