// A shard opened read-only: once by libhdf5 for its structure, once plainly for its bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/shard_hdf5.h"

namespace lockstep {

class ShardFile {
 public:
  /// Throws Error: missing when it cannot be opened, corrupt when it is not an HDF5 file.
  explicit ShardFile(std::filesystem::path path);
  ~ShardFile();
  ShardFile(const ShardFile&) = delete;
  ShardFile& operator=(const ShardFile&) = delete;

  /// Reads bytes at an offset of the file, past libhdf5.
  void read_bytes(int64_t offset, size_t bytes, void* destination) const;

  hid_t hdf5() const { return hdf5_.get(); }
  /// Ends libhdf5's part; the bytes stay readable.
  void close_hdf5() { hdf5_.close(); }

  int64_t size() const { return size_; }
  bool has_user_block() const;

  /// Refuses a path that any link but a hard one leads along: no shard may point elsewhere.
  void require_hard_links(const std::string& path) const;

  /// Throws Error(corrupt) naming the file, and the data set when `dataset` is not empty.
  [[noreturn]] void fail(const std::string& dataset, const std::string& problem) const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  int64_t size_ = 0;
  Hdf5Id hdf5_;
};

}  // namespace lockstep
