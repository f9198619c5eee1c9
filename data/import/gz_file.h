// Files that zlib reads: gzip, or as they are where they are not compressed.
#pragma once

#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "data/base/error.h"

namespace lockstep {

struct GzFile {
  /// Throws Error(missing) when there is no such file or it cannot be opened.
  explicit GzFile(const std::filesystem::path& file) {
    if (!std::filesystem::is_regular_file(file)) {
      throw Error(ExitCode::missing, fmt::format("{}: is not there", file.string()));
    }
    handle = gzopen(file.c_str(), "rbe");
    if (handle == nullptr) {
      throw Error(ExitCode::missing,
                  fmt::format("{}: cannot be opened: {}", file.string(), std::strerror(errno)));
    }
    gzbuffer(handle, 1 << 17);
  }
  ~GzFile() { gzclose(handle); }
  GzFile(const GzFile&) = delete;
  GzFile& operator=(const GzFile&) = delete;

  gzFile handle = nullptr;
};

}  // namespace lockstep
