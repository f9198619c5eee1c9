// Writes one split of a data set as shards in the layout of FORMAT.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/base/fields.h"
#include "data/manifest.h"

namespace lockstep {

/// When a shard is full, whichever comes first, and how it is stored.
struct ShardLimits {
  int64_t max_sequences = 0;               ///< 0: no limit
  int64_t max_bytes = int64_t{256} << 20;  ///< before compression
  int64_t compression = 0;  ///< level of deflate behind a shuffle, 1 to 9; 0: none, read faster
};

/// The option `compression` that importers share.
void describe_compression(Fields& fields, int64_t& compression);

/// One stream of one sequence, in the stored type: steps * max(1, features) elements.
struct StreamView {
  const void* values = nullptr;
  int64_t steps = 0;
};

/// Streams sequences into `folder`/`split`-00000.h5 and on, holding one chunk per data set in
/// memory. A shard is written under a hidden name and renamed when it is complete and synced.
/// Destroyed before finish() it removes the shard it was at; complete ones stay.
class ShardWriter {
 public:
  ShardWriter(std::filesystem::path folder, std::string split, std::vector<StreamSchema> schema,
              ShardLimits limits = {});
  ~ShardWriter();
  ShardWriter(const ShardWriter&) = delete;
  ShardWriter& operator=(const ShardWriter&) = delete;

  /// Appends a sequence with one view per stream in schema order. `tag` names it for people and
  /// for RETURNN: at most 31 bytes. Throws Error(save_failed) when it cannot be written.
  void append(const std::vector<StreamView>& streams, std::string_view tag);

  /// Completes the last shard and gives what the manifest says of this split. Call once, last.
  SplitInfo finish();

 private:
  class File;

  void close_shard();

  std::filesystem::path folder_;
  std::vector<StreamSchema> schema_;
  ShardLimits limits_;
  SplitInfo info_;
  std::unique_ptr<File> file_;
};

}  // namespace lockstep
