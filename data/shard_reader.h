// Reads one shard: sequences of several streams, in the layout of FORMAT.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "data/manifest.h"
#include "data/shard_dataset.h"
#include "data/shard_file.h"

namespace lockstep {

/// Opening checks the whole structure against the schema, and that each symbol is one of its
/// classes. Lengths are kept in memory, values are read when asked for; reading is const and safe
/// from several threads. Files by RETURNN's tools open too when the schema fits.
class ShardReader {
 public:
  /// Throws Error: missing when it cannot be opened, corrupt naming file, data set and problem.
  ShardReader(const std::filesystem::path& file, const std::vector<StreamSchema>& schema);

  const FileStamp& stamp() const { return file_.stamp(); }
  int64_t sequences() const { return static_cast<int64_t>(first_row_[0].size()) - 1; }
  int64_t steps(size_t stream) const { return first_row_[stream].back(); }
  int64_t length(int64_t sequence, size_t stream) const;

  /// Reads a stream's data now if it takes at most `budget` bytes, so that later reads only copy;
  /// gives the bytes it took.
  int64_t keep_in_memory(size_t stream, int64_t budget);

  /// A sequence as it is stored, when its stream is kept in memory; else null.
  const char* kept(int64_t sequence, size_t stream) const;
  /// Reads a sequence as it is stored: length * max(1, features) elements.
  void read(int64_t sequence, size_t stream, void* destination) const;

 private:
  void check_attributes(const std::vector<StreamSchema>& schema);
  void read_lengths(size_t num_streams);
  void check_tags();
  void check_symbols(const StreamSchema& schema, size_t stream);

  ShardFile file_;
  std::vector<ShardDataset> data_;
  std::vector<std::vector<int64_t>> first_row_;  ///< [stream][sequence]; one more than sequences
};

}  // namespace lockstep
