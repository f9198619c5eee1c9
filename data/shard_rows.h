// One data set of a shard while it is written, row by row.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/shard_hdf5.h"

namespace lockstep {

/// Buffers rows and writes them a whole chunk at a time, so memory stays constant however long the
/// data set grows. The data set is made with the first full chunk; one that never fills a chunk
/// gets a chunk of just its size. The caller holds an Hdf5Session.
class ShardRows {
 public:
  /// `file_type` must outlive this. `width` is the number of columns; rank 1 has no columns.
  /// `compression` is the level of deflate, 0 for none.
  ShardRows(std::filesystem::path file, std::string name, hid_t file_type, hid_t memory_type,
            int rank, int64_t width, int64_t compression);

  /// Appends `count` rows. Throws Error(save_failed).
  void append(hid_t location, const void* rows, int64_t count);
  /// Writes what is buffered; the data set is complete then, even with no rows at all.
  void finish(hid_t location);

 private:
  void flush(hid_t location);
  void create(hid_t location);
  [[noreturn]] void fail(const char* action) const;

  std::filesystem::path file_;
  std::string name_;
  hid_t file_type_;
  hid_t memory_type_;
  int rank_;
  int64_t width_;
  int64_t compression_;
  size_t row_bytes_;
  int64_t chunk_rows_;
  int64_t rows_ = 0;  ///< in the file
  std::vector<char> buffer_;
  Hdf5Id dataset_;
};

}  // namespace lockstep
