// What a person wants to know of a data set folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <iosfwd>

#include "data/base/progress.h"

namespace lockstep {

/// Prints the schema, the splits with their shards and a histogram of lengths, and the first
/// `samples` sequences of each split as print_sample() does.
/// Checks everything but the SHA-256. Throws Error (missing, corrupt).
void inspect_dataset(const std::filesystem::path& folder, std::ostream& out, int64_t samples);

/// Checks every shard of every split against the manifest, several side by side, prints one line
/// each in the manifest's order, and throws Error (missing, corrupt) at the end when there is a
/// problem. `progress` is called by one thread at a time.
void verify_dataset(const std::filesystem::path& folder, std::ostream& out,
                    const Progress& progress);

}  // namespace lockstep
