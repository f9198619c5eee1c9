// IDX, the format of MNIST: a magic number, big-endian dimensions, then the bytes.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace lockstep {

/// Reads an IDX file of unsigned bytes from front to back, plain or gzip-compressed. Problems
/// throw Error(corrupt) with the file and the offset (in the uncompressed content).
class IdxReader {
 public:
  /// Reads the header, which must have `rank` dimensions. Throws Error (missing, corrupt).
  IdxReader(std::filesystem::path file, int rank);
  ~IdxReader();
  IdxReader(const IdxReader&) = delete;
  IdxReader& operator=(const IdxReader&) = delete;

  const std::filesystem::path& file() const { return file_; }
  int64_t count() const { return dimensions_[0]; }
  const std::vector<int64_t>& dimensions() const { return dimensions_; }
  /// Bytes of one item: the product of the dimensions but the first; at most kMaxItemBytes.
  int64_t item_bytes() const { return item_bytes_; }
  static constexpr int64_t kMaxItemBytes = int64_t{16} << 20;

  /// Reads the next `count` items.
  void read_items(int64_t count, uint8_t* items);
  /// Throws unless the file ends here.
  void expect_end();

 private:
  struct Stream;

  void read_dimensions(int rank);
  void check_plain_size();
  void read_bytes(size_t bytes, uint8_t* destination);
  uint32_t read_number();
  [[noreturn]] void fail(const std::string& problem) const;

  std::filesystem::path file_;
  std::unique_ptr<Stream> stream_;
  int64_t offset_ = 0;
  std::vector<int64_t> dimensions_;
  int64_t item_bytes_ = 1;
};

/// Writes an IDX file of unsigned bytes item by item, under its final name: for folders that are
/// staged. Throws Error(save_failed).
class IdxWriter {
 public:
  IdxWriter(std::filesystem::path file, const std::vector<int64_t>& dimensions);
  ~IdxWriter();
  IdxWriter(const IdxWriter&) = delete;
  IdxWriter& operator=(const IdxWriter&) = delete;

  void write(const std::vector<uint8_t>& item);
  /// Syncs and closes; call once, last.
  void finish();

 private:
  void require(bool done);

  std::filesystem::path file_;
  std::FILE* stream_;
};

}  // namespace lockstep
