// Imports image data sets in MNIST's form.
#pragma once

#include <cstdint>
#include <filesystem>

#include "data/base/progress.h"
#include "data/data_tool.h"

namespace lockstep {

struct IdxOptions {
  double validation_fraction = 0;
  int64_t max_shard_samples = 0;
  int64_t compression = 0;
};

/// Reads MNIST's four files in `source` and writes shards and a manifest into the existing, empty
/// folder `target`. Each image becomes a sequence of its rows, its label a target `classes` of one
/// step. Throws Error (missing, corrupt, save_failed); the target is half-written then.
void import_idx(const std::filesystem::path& source, const std::filesystem::path& target,
                const IdxOptions& options, const Progress& progress);

DataToolEntry idx_importer();

}  // namespace lockstep
