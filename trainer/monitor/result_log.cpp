#include "trainer/monitor/result_log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ostream>

#include "data/base/error.h"

namespace lockstep {

ResultLog::ResultLog(const std::string& path, std::ostream& standard, int64_t keep)
    : path_(path), standard_(standard), bytes_(keep) {
  if (path == "-") return;
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  struct stat status {};
  if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0) fail();
  if (status.st_size < keep) {
    throw Error(ExitCode::corrupt,
                fmt::format("{}: is shorter than what was written to it before", path),
                "begin with a state file of another name");
  }
  if (::ftruncate(descriptor_, keep) != 0) fail();
}

ResultLog::~ResultLog() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void ResultLog::append(const std::string& bytes) {
  bytes_ += static_cast<int64_t>(bytes.size());
  if (descriptor_ < 0) {
    if (!standard_.write(bytes.data(), static_cast<std::streamsize>(bytes.size())).flush()) fail();
    return;
  }
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t written = ::write(descriptor_, bytes.data() + at, bytes.size() - at);
    if (written < 0 && errno != EINTR) fail();
    at += static_cast<size_t>(std::max<ssize_t>(written, 0));
  }
}

void ResultLog::sync() {
  if (descriptor_ >= 0 && ::fsync(descriptor_) != 0 && errno != EINVAL) fail();
}

void ResultLog::fail() const {
  throw Error(ExitCode::save_failed,
              fmt::format("{}: cannot be written: {}", path_ == "-" ? "standard output" : path_,
                          std::strerror(errno)));
}

}  // namespace lockstep
