// A data set folder opened for reading.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/manifest.h"

namespace lockstep {

class ShardReader;

/// One split of a data set: sequences numbered from 0 over all its shards. Small ones are kept in
/// memory, of larger ones only the lengths. Reading is const and safe from several threads.
class Split {
 public:
  /// Opens and checks all shards, as Dataset::open_split says.
  Split(const std::filesystem::path& folder, const Manifest& manifest, const SplitInfo& info,
        bool verify_checksums = true);
  ~Split();
  Split(Split&&) noexcept;

  const std::string& name() const { return info_.name; }
  int64_t size() const { return info_.sequences; }
  const std::vector<StreamSchema>& streams() const { return schema_; }

  /// Leaves only these sequences, which are numbered from 0 in this order from then on, as a split
  /// of another name.
  void choose(std::vector<int64_t> ids, const std::string& name);

  /// Real steps of sequence `id` in stream `stream` (index in schema order).
  int64_t length(int64_t id, size_t stream) const;

  /// Sum of the lengths of all sequences in stream `stream`.
  int64_t total_steps(size_t stream) const;

  /// Reads sequence `id` of `stream` as it is stored: length * max(1, features) elements.
  /// Throws Error(corrupt) naming file and data set when the shard cannot deliver them.
  void read(int64_t id, size_t stream, void* destination) const;

 private:
  std::pair<const ShardReader*, int64_t> locate(int64_t id) const;
  void keep_in_memory();

  SplitInfo info_;
  std::vector<StreamSchema> schema_;
  std::vector<std::unique_ptr<ShardReader>> shards_;
  std::vector<int64_t> first_id_;
  std::vector<int64_t> chosen_;  ///< stored number of each sequence; empty: all, as stored
};

/// A data set folder: its manifest, and its splits, opened when asked for.
class Dataset {
 public:
  /// Reads the manifest only. Throws Error (missing, corrupt).
  explicit Dataset(std::filesystem::path folder);

  const std::filesystem::path& folder() const { return folder_; }
  const Manifest& manifest() const { return manifest_; }
  bool has_split(const std::string& name) const { return manifest_.find_split(name) != nullptr; }

  /// Opens all shards of a split and checks them against the manifest: presence, size, SHA-256,
  /// types, shapes, lengths and symbol ranges. Throws Error: missing (every missing shard listed),
  /// corrupt (every damaged one listed). `verify_checksums` false leaves out only the SHA-256.
  Split open_split(const std::string& name, bool verify_checksums = true) const;

 private:
  std::filesystem::path folder_;
  Manifest manifest_;
};

}  // namespace lockstep
