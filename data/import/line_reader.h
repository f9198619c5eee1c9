// Reads text files line by line, plain or gzip, in any encoding that data/text/encoding.h knows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/text/encoding.h"

namespace lockstep {

class LineReader {
 public:
  /// Throws Error(missing) when the file cannot be opened.
  explicit LineReader(std::filesystem::path file, TextEncoding encoding = TextEncoding::utf8);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  /// The next line in UTF-8 without its end ("\n" or "\r\n"), and without a byte order mark before
  /// the first; false at the end. Throws Error(corrupt) when it cannot be read or is longer than
  /// kMaxLineBytes.
  bool next(std::string& line);
  static constexpr size_t kMaxLineBytes = size_t{64} << 20;

  /// Why the line that next() gave last is not text ("byte 4 is not UTF-8"); empty when it is. Such
  /// a line comes as it stands in the file.
  const std::string& problem() const { return problem_; }
  /// Of the line that next() gave last, from 1.
  int64_t number() const { return number_; }
  /// "file:line".
  std::string place() const;
  const std::filesystem::path& file() const { return file_; }

 private:
  struct Stream;

  bool fill();
  void begin_text();
  bool read_bytes(std::string& line);
  size_t line_end() const;

  std::filesystem::path file_;
  std::unique_ptr<Stream> stream_;
  TextEncoding encoding_;
  std::unique_ptr<TextDecoder> decoder_;
  bool big_endian_ = false;
  std::vector<char> buffer_;
  size_t at_ = 0;
  size_t filled_ = 0;
  int64_t number_ = 0;
  std::string problem_;
};

}  // namespace lockstep
