// Lines of a file or a pipe in blocks.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace lockstep {

/// Takes no line before its end is there; what follows the last line feed is a line at the end.
class LineSource {
 public:
  /// `path`: a file, or "-" for standard input. Throws Error(missing).
  explicit LineSource(const std::string& path);
  ~LineSource();
  LineSource(const LineSource&) = delete;
  LineSource& operator=(const LineSource&) = delete;

  /// A file can be gone on with where a position() was; a pipe cannot. Throws Error(corrupt) when
  /// the file is shorter.
  bool is_file() const { return is_file_; }
  void go_on_at(int64_t position);
  /// Bytes behind the last line handed out.
  int64_t position() const { return position_; }

  /// Waits for a line, then takes up to `most`: of a file as many, of a pipe those that are there.
  /// Empty at the end, or soon after `stop` is set.
  std::vector<std::string> next_block(size_t most, const std::atomic<bool>* stop);

 private:
  void take_lines(size_t most, std::vector<std::string>& lines);
  /// Whether there is something to read, or the end, within `milliseconds`.
  bool is_ready(int milliseconds) const;
  void read_more();

  std::string path_;
  int descriptor_;
  bool is_file_ = false;
  bool ended_ = false;
  int64_t position_ = 0;
  std::string bytes_;
  size_t begin_ = 0;     ///< of what was not handed out
  size_t searched_ = 0;  ///< no line feed from `begin_` up to here
};

}  // namespace lockstep
