// Reads text files line by line, plain or gzip.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace lockstep {

class LineReader {
 public:
  /// Throws Error(missing) when the file cannot be opened.
  explicit LineReader(std::filesystem::path file);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  /// The next line without its end ("\n" or "\r\n"), and without a byte order mark before the
  /// first; false at the end. Throws Error(corrupt) when it cannot be read or is longer than
  /// kMaxLineBytes.
  bool next(std::string& line);
  static constexpr size_t kMaxLineBytes = size_t{64} << 20;

  /// Of the line that next() gave last, from 1.
  int64_t number() const { return number_; }
  /// "file:line".
  std::string place() const;

 private:
  struct Stream;
  std::filesystem::path file_;
  std::unique_ptr<Stream> stream_;
  int64_t number_ = 0;
};

}  // namespace lockstep
