// What all fuzz targets share: bytes as a file, and which endings are allowed.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "data/base/error.h"

namespace lockstep::fuzz {

/// Bytes as a file that exists in memory only.
class InputFile {
 public:
  InputFile(const uint8_t* bytes, size_t size) : descriptor_(::memfd_create("fuzz", 0)) {
    if (descriptor_ < 0 || ::write(descriptor_, bytes, size) != static_cast<ssize_t>(size)) {
      std::abort();  // the machine has no memory left: nothing to find here
    }
  }
  ~InputFile() { ::close(descriptor_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

/// A folder for this process that goes when it ends well, in memory where there is such a place.
inline const std::filesystem::path& scratch_folder() {
  static const std::filesystem::path path = [] {
    std::string pattern = std::filesystem::is_directory("/dev/shm")
                              ? "/dev/shm/lockstep-fuzz-XXXXXX"
                              : "/tmp/lockstep-fuzz-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    std::atexit([] { std::filesystem::remove_all(scratch_folder()); });
    return std::filesystem::path(pattern);
  }();
  return path;
}

/// For readers that need a file with a name.
inline std::filesystem::path write_scratch_file(const char* name, const uint8_t* bytes,
                                                size_t size) {
  const std::filesystem::path path = scratch_folder() / name;
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes), static_cast<std::streamsize>(size));
  return path;
}

/// Calls `read`, which may succeed or throw Error(corrupt); every other ending, of another kind of
/// Error too, is a finding: libFuzzer stops at an exception that nobody catches.
template <class Read>
void expect_documented_ending(Read read) {
  try {
    read();
  } catch (const Error& error) {
    if (error.code() != ExitCode::corrupt) throw;
  }
}

/// A finding that is no crash by itself.
inline void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace lockstep::fuzz
