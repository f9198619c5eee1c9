// One data set of a shard, checked when it is opened and read by rows afterwards.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/chunk_check.h"
#include "data/host_buffer.h"
#include "data/shard_file.h"

namespace lockstep {

/// Rows of `width` elements of one type: a row is all that stands behind one index of the first
/// dimension, of 1 to kMaxRank. Opening refuses whatever FORMAT.md does not allow: other
/// types and shapes, external or virtual storage, unknown filters, large chunks, more rows than
/// the file can hold. Reading is const and safe from several threads.
class ShardDataset {
 public:
  /// `file` must outlive this. Throws Error(corrupt).
  ShardDataset(const ShardFile& file, std::string path, ElementType element, int rank,
               int64_t width);
  /// The same for texts of a fixed length, one a row.
  ShardDataset(const ShardFile& file, std::string path);

  int64_t rows() const { return rows_; }
  size_t row_bytes() const { return row_bytes_; }
  int64_t bytes() const { return rows_ * static_cast<int64_t>(row_bytes_); }
  const std::string& path() const { return path_; }

  /// Whether rows are read past libhdf5, straight from where the chunks lie in the file. That is
  /// several times faster for single rows in random order; it is possible for data in this
  /// machine's own byte order and without compression, when no checksum has to be compared.
  bool is_direct() const { return !dataset_.valid(); }

  /// Reads everything now, so that later reads only copy.
  void keep_in_memory();
  /// The rows from `first` on, when they are kept in memory; else null.
  const char* kept_rows(int64_t first) const;

  /// Reads rows [first, first + count) as they lie in memory.
  void read_rows(int64_t first, int64_t count, void* destination) const;

 private:
  void open();
  void check_type(ElementType element);
  void check_shape();
  void check_unchunked_bytes() const;
  void check_rows(hsize_t rows) const;
  void check_storage();
  void check_filters(hid_t creation);
  bool locate_contiguous();
  bool locate_chunks();
  void read_chunks(int64_t first, int64_t count, char* destination) const;
  void require_whole_chunks(int64_t first, int64_t count) const;
  void read_by_hdf5(int64_t first, int64_t count, void* destination) const;
  [[noreturn]] void fail(const std::string& problem) const { file_->fail(path_, problem); }

  const ShardFile* file_;
  std::string path_;
  Hdf5Id text_type_;  ///< only of texts
  hid_t memory_type_;
  int rank_;
  int64_t width_;
  size_t row_bytes_;
  int64_t rows_ = 0;
  bool is_chunked_ = false;
  bool is_native_ = false;
  bool has_deflate_ = false;
  bool has_fletcher32_ = false;
  bool has_shuffle_ = false;
  Hdf5Id dataset_;
  std::array<hsize_t, kMaxRank> extent_{0, 1, 1};
  std::array<hsize_t, kMaxRank> chunk_{1, 1, 1};
  mutable std::optional<ChunkCheck> chunk_check_;  ///< under a Hdf5Session, as the next one
  mutable std::vector<bool> checked_chunk_rows_;
  int64_t chunk_rows_ = 0;              ///< 0: chunks do not hold whole rows
  std::vector<int64_t> chunk_offsets_;  ///< in the file, in the order of rows
  HostBuffer kept_;                     ///< all rows, or empty
};

}  // namespace lockstep
