#include "data/import/line_reader.h"

#include <algorithm>
#include <cstring>

#include "data/base/error.h"
#include "data/import/gz_file.h"

namespace lockstep {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 16;  // even, so that it cuts no unit of UTF-16

}  // namespace

struct LineReader::Stream : GzFile {
  using GzFile::GzFile;
};

LineReader::LineReader(std::filesystem::path file, TextEncoding encoding)
    : file_(std::move(file)),
      stream_(std::make_unique<Stream>(file_)),
      encoding_(encoding),
      buffer_(kBufferBytes) {}

LineReader::~LineReader() = default;

std::string LineReader::place() const {
  return fmt::format("{}:{}", file_.string(), number_);
}

bool LineReader::next(std::string& line) {
  line.clear();
  ++number_;
  if (!decoder_) begin_text();
  const bool ended = read_bytes(line);
  if (!ended && line.empty()) return false;
  problem_ = decoder_->decode(line);
  if (ended && !line.empty() && line.back() == '\r') line.pop_back();
  if (number_ == 1 && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);
  return true;
}

/// Learns the byte order of UTF-16 from its mark, which next() takes away.
void LineReader::begin_text() {
  if (fill() && encoding_ == TextEncoding::utf16 && filled_ >= 2) {
    big_endian_ = std::memcmp(buffer_.data(), "\xfe\xff", 2) == 0;
  }
  decoder_ = std::make_unique<TextDecoder>(encoding_, big_endian_);
}

bool LineReader::fill() {
  const int count = gzread(stream_->handle, buffer_.data(), static_cast<unsigned>(buffer_.size()));
  int code = Z_OK;
  const char* message = gzerror(stream_->handle, &code);
  if (count < 0 || (code != Z_OK && code != Z_STREAM_END)) {
    throw Error(ExitCode::corrupt, fmt::format("{}: cannot be read: {}", place(), message));
  }
  at_ = 0;
  filled_ = static_cast<size_t>(count);
  return filled_ > 0;
}

/// Appends bytes up to the end of the line, which it skips; false when the file ends instead.
bool LineReader::read_bytes(std::string& line) {
  while (at_ < filled_ || fill()) {
    const size_t end = line_end();
    line.append(buffer_.data() + at_, std::min(end, filled_) - at_);
    at_ = end < filled_ ? end + (encoding_ == TextEncoding::utf16 ? 2 : 1) : filled_;
    if (line.size() > kMaxLineBytes) {
      throw Error(ExitCode::corrupt,
                  fmt::format("{}: is longer than {} bytes", place(), kMaxLineBytes));
    }
    if (end < filled_) return true;
  }
  return false;
}

/// Where the line's end stands in the buffer; `filled_` when it is not there. In all encodings but
/// UTF-16 a byte of value 10 is an end of line and nothing else.
size_t LineReader::line_end() const {
  if (encoding_ != TextEncoding::utf16) {
    const void* found = std::memchr(buffer_.data() + at_, '\n', filled_ - at_);
    return found == nullptr ? filled_
                            : static_cast<size_t>(static_cast<const char*>(found) - buffer_.data());
  }
  const char* end = big_endian_ ? "\0\n" : "\n\0";
  for (size_t i = at_; i + 1 < filled_; i += 2) {
    if (std::memcmp(buffer_.data() + i, end, 2) == 0) return i;
  }
  return filled_;
}

}  // namespace lockstep
