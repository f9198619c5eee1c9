// A data set folder opened for reading.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/manifest.h"

namespace lockstep {

class ShardReader;

/// One sequence of a split, found once for all that is asked of it.
class StoredSequence {
 public:
  StoredSequence(const ShardReader& shard, int64_t number) : shard_(&shard), number_(number) {}

  /// Real steps in stream `stream` (index in schema order).
  int64_t length(size_t stream) const;
  /// The stream as it is stored, length * max(1, features) elements, where the split keeps it in
  /// memory; else null.
  const char* kept(size_t stream) const;
  /// Copies it from memory or file. Throws Error(corrupt) naming file and data set when the shard
  /// cannot deliver it.
  void read(size_t stream, void* destination) const;

 private:
  const ShardReader* shard_;
  int64_t number_;
};

/// How a split is opened.
struct OpenOptions {
  bool verify_checksums = true;  ///< false leaves out only the SHA-256
  bool keep_in_memory = true;    ///< what fits in 256 MiB
};

/// One split of a data set: sequences numbered from 0 over all its shards. Small ones are kept in
/// memory, of larger ones only the lengths. Reading is const and safe from several threads.
class Split {
 public:
  /// Opens and checks all shards, as Dataset::open_split says.
  Split(const std::filesystem::path& folder, const Manifest& manifest, const SplitInfo& info,
        OpenOptions options = {});
  ~Split();
  Split(Split&&) noexcept;

  const std::string& name() const { return info_.name; }
  int64_t size() const { return info_.sequences; }
  const std::vector<StreamSchema>& streams() const { return schema_; }

  /// Only these sequences, numbered from 0 in this order, as a split of another name. It shares the
  /// opened shards and what is kept of them, and may outlive this one.
  Split part(std::vector<int64_t> ids, const std::string& name) const;

  StoredSequence sequence(int64_t id) const;
  int64_t length(int64_t id, size_t stream) const { return sequence(id).length(stream); }

  /// Sum of the lengths of all sequences in stream `stream`.
  int64_t total_steps(size_t stream) const;

  void read(int64_t id, size_t stream, void* destination) const {
    sequence(id).read(stream, destination);
  }
  /// A stream of symbols of a sequence, as many as it has steps.
  std::vector<int64_t> symbols(int64_t id, size_t stream) const;
  /// A stream of numbers of a sequence, step by step, length * features of them: stored value *
  /// scale + offset, as batches have them.
  ///
  /// Both fail a check for a sequence or a stream that there is not, and for a stream of the other
  /// kind; they throw Error(corrupt) as StoredSequence::read() does.
  std::vector<float> numbers(int64_t id, size_t stream) const;

 private:
  Split(const Split&);
  std::vector<char> stored_bytes(int64_t id, size_t stream, bool symbols) const;
  void keep_in_memory();

  SplitInfo info_;
  std::vector<StreamSchema> schema_;
  std::vector<std::shared_ptr<ShardReader>> shards_;
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
  /// corrupt (every damaged one listed).
  Split open_split(const std::string& name, OpenOptions options = {}) const;

 private:
  std::filesystem::path folder_;
  Manifest manifest_;
};

}  // namespace lockstep
