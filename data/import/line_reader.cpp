#include "data/import/line_reader.h"

#include "data/base/error.h"
#include "data/import/gz_file.h"

namespace lockstep {

struct LineReader::Stream : GzFile {
  using GzFile::GzFile;
};

LineReader::LineReader(std::filesystem::path file)
    : file_(std::move(file)), stream_(std::make_unique<Stream>(file_)) {}

LineReader::~LineReader() = default;

std::string LineReader::place() const {
  return fmt::format("{}:{}", file_.string(), number_);
}

bool LineReader::next(std::string& line) {
  line.clear();
  ++number_;
  char piece[8192];
  bool ended = false;
  while (!ended && gzgets(stream_->handle, piece, sizeof piece) != nullptr) {
    // A piece with a zero byte in it would be cut there; text has none.
    line += piece;
    ended = !line.empty() && line.back() == '\n';
    if (line.size() > kMaxLineBytes) {
      throw Error(ExitCode::corrupt,
                  fmt::format("{}: is longer than {} bytes", place(), kMaxLineBytes));
    }
  }
  int code = Z_OK;
  const char* message = gzerror(stream_->handle, &code);
  if (code != Z_OK && code != Z_STREAM_END) {
    throw Error(ExitCode::corrupt, fmt::format("{}: cannot be read: {}", place(), message));
  }
  if (ended) line.pop_back();
  if (ended && !line.empty() && line.back() == '\r') line.pop_back();
  if (number_ == 1 && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);
  return ended || !line.empty();
}

}  // namespace lockstep
