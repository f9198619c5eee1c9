// A shard opened read-only: once by libhdf5 for its structure, once plainly for its bytes.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/shard_hdf5.h"

namespace lockstep {

/// Which file it is and when it was last written: another one, or a changed one, has another stamp.
struct FileStamp {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t bytes = 0;
  int64_t written_ns = 0;
  bool operator==(const FileStamp&) const = default;
};
/// Throws Error(missing).
FileStamp stamp_of(const std::filesystem::path& path);

/// Who tells that bytes are as they were written: the SHA-256 of a manifest, or only the checksums
/// inside of the file, which libhdf5 compares as it reads.
enum class VouchedBy { manifest, itself };

class ShardFile {
 public:
  /// Throws Error: missing when it cannot be opened, corrupt when it is not an HDF5 file.
  explicit ShardFile(std::filesystem::path path, VouchedBy vouched_by = VouchedBy::itself);
  ShardFile(const ShardFile&) = delete;
  ShardFile& operator=(const ShardFile&) = delete;

  /// Of the file that was opened.
  const FileStamp& stamp() const { return stamp_; }
  /// Throws Error(corrupt) when the file has been written to since it was opened. Asks the system
  /// only once in a while, so that it can be called before every read.
  void require_unchanged() const;

  /// Reads bytes at an offset of the file, past libhdf5.
  void read_bytes(int64_t offset, size_t bytes, void* destination) const;

  hid_t hdf5() const { return hdf5_.get(); }
  /// Ends libhdf5's part; the bytes stay readable.
  void close_hdf5() { hdf5_.close(); }

  int64_t size() const { return stamp_.bytes; }
  VouchedBy vouched_by() const { return vouched_by_; }
  bool has_user_block() const;

  /// Refuses a path that any link but a hard one leads along: no shard may point elsewhere.
  void require_hard_links(const std::string& path) const;

  /// Throws Error(corrupt) naming the file, and the data set when `dataset` is not empty.
  [[noreturn]] void fail(const std::string& dataset, const std::string& problem) const;

 private:
  /// Closed when the constructor throws, too.
  struct Descriptor {
    Descriptor() = default;
    ~Descriptor();
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int value = -1;
  };

  std::filesystem::path path_;
  VouchedBy vouched_by_;
  Descriptor descriptor_;
  FileStamp stamp_;
  mutable std::atomic<uint32_t> reads_{0};
  Hdf5Id hdf5_;
};

}  // namespace lockstep
