// What a person wants to know of a data set folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <iosfwd>

#include "data/base/progress.h"

namespace lockstep {

/// Prints the schema, the splits with their shards and lengths, and the first `samples` sequences
/// of each split: images and other small byte arrays as characters, symbols by their labels.
/// Checks everything but the SHA-256. Throws Error (missing, corrupt).
void inspect_dataset(const std::filesystem::path& folder, std::ostream& out, int64_t samples);

/// Checks every shard of every split against the manifest, prints one line each, and throws
/// Error (missing, corrupt) at the end when there is a problem.
void verify_dataset(const std::filesystem::path& folder, std::ostream& out,
                    const Progress& progress);

}  // namespace lockstep
