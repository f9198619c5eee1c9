#include "trainer/observers/append_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "data/base/error.h"

namespace lockstep {

AppendFile::AppendFile(std::filesystem::path path) : path_(std::move(path)) {
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file_ >= 0) return;
  const int reason = errno;
  throw Error(ExitCode::save_failed,
              fmt::format("{}: cannot be opened: {}", path_.string(), std::strerror(reason)));
}

AppendFile::~AppendFile() {
  ::close(file_);
}

void AppendFile::append(std::string_view record) {
  const off_t before = ::lseek(file_, 0, SEEK_END);
  while (!record.empty()) {
    const ssize_t written = ::write(file_, record.data(), record.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const int reason = errno;
      const bool taken_back = before >= 0 && ::ftruncate(file_, before) == 0;
      throw Error(ExitCode::save_failed, fmt::format("{}: cannot be written{}: {}", path_.string(),
                                                     taken_back ? "" : " and ends in half a record",
                                                     std::strerror(reason)));
    }
    record.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace lockstep
