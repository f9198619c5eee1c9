#include "data/base/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "data/base/error.h"

namespace lockstep {
namespace {

/// An open file descriptor; closes it on the way out.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int value() const { return value_; }
  bool valid() const { return value_ >= 0; }
  /// Closes now and tells whether the system accepted it (NFS reports write errors only here).
  bool close_now() { return ::close(std::exchange(value_, -1)) == 0; }

 private:
  int value_;
};

[[noreturn]] void fail(const std::filesystem::path& path, const char* action, ExitCode code) {
  const int reason = errno;
  throw Error(code, fmt::format("{}: cannot {}: {}", path.string(), action, std::strerror(reason)),
              reason == ENOSPC ? "free some space on this file system"
                               : "check that the folder exists and that you may write there");
}

void write_all(int descriptor, std::string_view bytes, const std::filesystem::path& path,
               ExitCode code) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      fail(path, "write", code);
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

void write_new(const std::filesystem::path& path, std::string_view bytes, ExitCode code) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file.valid()) fail(path, "create", code);
  write_all(file.value(), bytes, path, code);
  if (::fsync(file.value()) != 0) fail(path, "fsync", code);
  if (!file.close_now()) fail(path, "close", code);
}

}  // namespace

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes,
                           ExitCode failure_code) {
  std::filesystem::path aside = path;
  aside += fmt::format(".tmp-{}", ::getpid());
  ::unlink(aside.c_str());
  try {
    write_new(aside, bytes, failure_code);
    if (::rename(aside.c_str(), path.c_str()) != 0) fail(path, "rename into place", failure_code);
  } catch (...) {
    ::unlink(aside.c_str());
    throw;
  }
  sync_folder(path.has_parent_path() ? path.parent_path() : ".");
}

void write_new_file(const std::filesystem::path& path, std::string_view bytes) {
  write_new(path, bytes, ExitCode::save_failed);
}

void sync_folder(const std::filesystem::path& folder) {
  Descriptor handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle.valid()) fail(folder, "open", ExitCode::save_failed);
  // Some network file systems refuse fsync on folders; they order renames themselves.
  if (::fsync(handle.value()) != 0 && errno != EINVAL && errno != ENOTSUP) {
    fail(folder, "fsync", ExitCode::save_failed);
  }
}

std::string read_file(const std::filesystem::path& path, size_t max_bytes) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) {
    const int reason = errno;
    throw Error(ExitCode::missing,
                fmt::format("{}: cannot be opened: {}", path.string(), std::strerror(reason)));
  }
  std::string bytes;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t read = ::read(file.value(), buffer, sizeof buffer);
    if (read == 0) return bytes;
    if (read < 0) {
      if (errno == EINTR) continue;
      const int reason = errno;
      throw Error(ExitCode::corrupt,
                  fmt::format("{}: cannot be read: {}", path.string(), std::strerror(reason)));
    }
    if (bytes.size() + static_cast<size_t>(read) > max_bytes) {
      throw Error(ExitCode::corrupt, fmt::format("{}: larger than the {} bytes allowed here",
                                                 path.string(), max_bytes));
    }
    bytes.append(buffer, static_cast<size_t>(read));
  }
}

}  // namespace lockstep
