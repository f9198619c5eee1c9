// Files and folders that are either wholly there or not at all.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "data/base/error.h"

namespace lockstep {

/// Writes `bytes` to a file beside `path`, fsyncs it, renames it to `path` and fsyncs the folder:
/// a reader sees the old content or the new, never a mixture, also after a power cut.
/// Throws Error(failure_code) naming the path and the system's reason; `path` is then untouched.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes,
                           ExitCode failure_code = ExitCode::save_failed);

/// Writes and fsyncs a new file; refuses to follow a link or to replace an existing file.
void write_new_file(const std::filesystem::path& path, std::string_view bytes);

/// Makes the entries of a folder (creations, renames) survive a power cut.
void sync_folder(const std::filesystem::path& folder);

/// Reads a whole file of at most `max_bytes`. Throws Error(missing) when it cannot be opened and
/// Error(corrupt) when it is larger or cannot be read.
std::string read_file(const std::filesystem::path& path, size_t max_bytes = size_t{1} << 30);

}  // namespace lockstep
