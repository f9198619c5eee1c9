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

Hdf5Id open_hdf5(const std::filesystem::path& path) {
  const Hdf5Id access = owned_properties(H5Pcreate(H5P_FILE_ACCESS));
  // Shards never change once they have their name, and some network file systems have no locks.
  H5Pset_file_locking(access.get(), false, true);
  return owned_file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()));
}

}  // namespace

ShardFile::ShardFile(std::filesystem::path path) : path_(std::move(path)) {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) throw cannot_open(path_, errno);
  if (!S_ISREG(status.st_mode)) fail("", "is not a regular file");
  size_ = status.st_size;
  if (size_ == 0) fail("", "is empty");
  const Hdf5Session session;
  hdf5_ = open_hdf5(path_);
  if (!hdf5_.valid()) fail("", "is not an HDF5 file, or its end is missing");
  descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) throw cannot_open(path_, errno);
}

ShardFile::~ShardFile() {
  ::close(descriptor_);
}

void ShardFile::read_bytes(int64_t offset, size_t bytes, void* destination) const {
  auto* next = static_cast<char*>(destination);
  while (bytes > 0) {
    const ssize_t count = ::pread(descriptor_, next, bytes, offset);
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
