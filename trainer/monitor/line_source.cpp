#include "trainer/monitor/line_source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "data/base/error.h"

namespace lockstep {
namespace {

constexpr size_t kReadBytes = size_t{1} << 18;
/// How soon a stop is seen while nothing comes.
constexpr int kPatienceMilliseconds = 200;

bool is_set(const std::atomic<bool>* stop) {
  return stop != nullptr && stop->load();
}

}  // namespace

LineSource::LineSource(const std::string& path)
    : path_(path == "-" ? "standard input" : path),
      descriptor_(path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  struct stat status {};
  const bool there = descriptor_ >= 0 && ::fstat(descriptor_, &status) == 0;
  if (!there || S_ISDIR(status.st_mode)) {
    throw Error(ExitCode::missing, fmt::format("{}: cannot be opened as a file", path_));
  }
  is_file_ = path != "-" && S_ISREG(status.st_mode);
}

LineSource::~LineSource() {
  if (descriptor_ > STDIN_FILENO) ::close(descriptor_);
}

void LineSource::go_on_at(int64_t position) {
  struct stat status {};
  const bool long_enough = ::fstat(descriptor_, &status) == 0 && status.st_size >= position;
  if (!long_enough || ::lseek(descriptor_, position, SEEK_SET) != position) {
    throw Error(ExitCode::corrupt,
                fmt::format("{}: is shorter than what was read of it before", path_),
                "begin with a state file of another name");
  }
  position_ = position;
}

std::vector<std::string> LineSource::next_block(size_t most, const std::atomic<bool>* stop) {
  std::vector<std::string> lines;
  if (is_file_ && is_set(stop)) return lines;
  while (true) {
    take_lines(most, lines);
    // What was read of a pipe cannot be read again: it is handed out, stop or not.
    if (lines.size() == most || ended_ || is_set(stop)) break;
    const bool wait = lines.empty();
    if (is_file_ || is_ready(wait ? kPatienceMilliseconds : 0)) {
      read_more();
    } else if (!wait) {
      break;
    }
  }
  return lines;
}

void LineSource::take_lines(size_t most, std::vector<std::string>& lines) {
  while (lines.size() < most && begin_ < bytes_.size()) {
    size_t end = bytes_.find('\n', searched_);
    const bool whole = end != std::string::npos;
    if (!whole) end = searched_ = bytes_.size();
    if (!whole && !ended_) return;
    lines.push_back(bytes_.substr(begin_, end - begin_));
    position_ += static_cast<int64_t>(end - begin_) + (whole ? 1 : 0);
    begin_ = searched_ = end + (whole ? 1 : 0);
  }
}

bool LineSource::is_ready(int milliseconds) const {
  pollfd waiting{descriptor_, POLLIN, 0};
  return ::poll(&waiting, 1, milliseconds) > 0;
}

void LineSource::read_more() {
  bytes_.erase(0, begin_);
  searched_ -= begin_;
  begin_ = 0;
  const size_t size = bytes_.size();
  bytes_.resize(size + kReadBytes);
  const ssize_t got = ::read(descriptor_, bytes_.data() + size, kReadBytes);
  bytes_.resize(size + static_cast<size_t>(std::max<ssize_t>(got, 0)));
  if (got < 0 && errno != EINTR && errno != EAGAIN) {
    throw Error(ExitCode::corrupt,
                fmt::format("{}: cannot be read: {}", path_, std::strerror(errno)));
  }
  ended_ = got == 0;
}

}  // namespace lockstep
