// Shards against their manifest.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/manifest.h"
#include "data/shard_reader.h"

namespace lockstep {

/// What is wrong with the shards looked at so far.
struct ShardProblems {
  std::vector<std::string> missing;
  std::vector<std::string> corrupt;

  bool empty() const { return missing.empty() && corrupt.empty(); }
  void add(const ShardProblems& other);
  /// Throws one Error that lists them all, unless there are none. Missing ones decide its code.
  void throw_if_any(const std::filesystem::path& folder) const;
};

/// Opens a shard and checks its size, its SHA-256 (if `verify_checksum`), its structure and its
/// counts. Null after adding to `problems` when something is wrong.
std::unique_ptr<ShardReader> open_shard(const std::filesystem::path& folder,
                                        const std::vector<StreamSchema>& schema,
                                        const ShardInfo& info, bool verify_checksum,
                                        ShardProblems& problems);

/// The same for all `shards`, several side by side; readers and problems are in their order.
std::vector<std::unique_ptr<ShardReader>> open_shards(const std::filesystem::path& folder,
                                                      const std::vector<StreamSchema>& schema,
                                                      const std::vector<ShardInfo>& shards,
                                                      bool verify_checksums,
                                                      ShardProblems& problems);

}  // namespace lockstep
