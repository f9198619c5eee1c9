// Where results go: a file that grows and can be gone on with, or a stream.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

namespace lockstep {

class ResultLog {
 public:
  /// `path`: a file, or "-" for `standard`. Of a file the first `keep` bytes stay. Throws
  /// Error(save_failed), and Error(corrupt) when the file is shorter.
  ResultLog(const std::string& path, std::ostream& standard, int64_t keep);
  ~ResultLog();
  ResultLog(const ResultLog&) = delete;
  ResultLog& operator=(const ResultLog&) = delete;

  /// Throws Error(save_failed).
  void append(const std::string& bytes);
  /// What was appended survives a power cut, as far as a file goes.
  void sync();
  int64_t bytes() const { return bytes_; }

 private:
  [[noreturn]] void fail() const;

  std::string path_;
  std::ostream& standard_;
  int descriptor_ = -1;
  int64_t bytes_;
};

}  // namespace lockstep
