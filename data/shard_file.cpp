#include "data/shard_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "data/base/error.h"

namespace lockstep {
namespace {

Error cannot_open(const std::filesystem::path& path, int reason) {
  return {ExitCode::missing,
          fmt::format("{}: cannot be opened: {}", path.string(), std::strerror(reason)),
          reason == EMFILE ? "raise the limit of open files (ulimit -n)" : ""};
}

constexpr uint32_t kCheckEveryReads = 64;

FileStamp stamp_from(const struct stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .bytes = status.st_size,
          .written_ns = int64_t{status.st_mtim.tv_sec} * 1000000000 + status.st_mtim.tv_nsec};
}

Hdf5Id open_hdf5(const std::filesystem::path& path) {
  const Hdf5Id access = owned_properties(H5Pcreate(H5P_FILE_ACCESS));
  // Shards never change once they have their name, and some network file systems have no locks.
  H5Pset_file_locking(access.get(), false, true);
  return owned_file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()));
}

}  // namespace

FileStamp stamp_of(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) throw cannot_open(path, errno);
  return stamp_from(status);
}

ShardFile::ShardFile(std::filesystem::path path, VouchedBy vouched_by)
    : path_(std::move(path)), vouched_by_(vouched_by) {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) throw cannot_open(path_, errno);
  if (!S_ISREG(status.st_mode)) fail("", "is not a regular file");
  if (status.st_size == 0) fail("", "is empty");
  stamp_ = stamp_from(status);
  const Hdf5Session session;
  hdf5_ = open_hdf5(path_);
  if (!hdf5_.valid()) fail("", "is not an HDF5 file, or its end is missing");
  descriptor_.value = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_.value < 0) throw cannot_open(path_, errno);
  require_unchanged();
}

void ShardFile::require_unchanged() const {
  if (reads_.fetch_add(1, std::memory_order_relaxed) % kCheckEveryReads != 0) return;
  struct stat status {};
  if (::fstat(descriptor_.value, &status) != 0) fail("", "cannot be looked at");
  if (!(stamp_from(status) == stamp_)) fail("", "was replaced or written to while it was in use");
}

ShardFile::Descriptor::~Descriptor() {
  if (value >= 0) ::close(value);
}

void ShardFile::read_bytes(int64_t offset, size_t bytes, void* destination) const {
  require_unchanged();
  auto* next = static_cast<char*>(destination);
  while (bytes > 0) {
    const ssize_t count = ::pread(descriptor_.value, next, bytes, offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("", fmt::format("cannot be read: {}", std::strerror(errno)));
    if (count == 0) fail("", fmt::format("ends before byte {}", offset + 1));
    next += count;
    offset += count;
    bytes -= static_cast<size_t>(count);
  }
}

bool ShardFile::has_user_block() const {
  const Hdf5Id creation = owned_properties(H5Fget_create_plist(hdf5()));
  hsize_t bytes = 0;
  return H5Pget_userblock(creation.get(), &bytes) < 0 || bytes > 0;
}

void ShardFile::require_hard_links(const std::string& path) const {
  for (size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const std::string part = path.substr(0, end);
    H5L_info_t info;
    if (H5Lexists(hdf5(), part.c_str(), H5P_DEFAULT) <= 0 ||
        H5Lget_info(hdf5(), part.c_str(), &info, H5P_DEFAULT) < 0) {
      fail(path, "is not there");
    }
    if (info.type != H5L_TYPE_HARD) fail(path, "is a link to somewhere else");
  }
}

void ShardFile::fail(const std::string& dataset, const std::string& problem) const {
  throw Error(ExitCode::corrupt, dataset.empty() ? fmt::format("{}: {}", path_.string(), problem)
                                                 : fmt::format("{}: data set \"{}\" {}",
                                                               path_.string(), dataset, problem));
}

}  // namespace lockstep
