// How fast batches of a split are made, beside how fast its bytes can be read at all.
#pragma once

#include <cstdint>
#include <filesystem>

#include "data/loader.h"
#include "data/manifest.h"

namespace lockstep {

struct LoaderFigures {
  int64_t samples = 0;
  int64_t stored_bytes = 0;  ///< of their sequences, all streams
  double seconds = 0;        ///< until all batches were made
  double read_seconds = 0;   ///< for as many bytes of the shards by pread(2), front to back
  /// For as many bytes by pread(2), sequence by sequence in the order of the epoch.
  double scattered_read_seconds = 0;
  double padding_fraction = 0;
  /// Mean over batches of 1 - mean / largest of the ranks' real steps, for `ranks`.
  double imbalance_fraction = 0;

  double bytes_per_second() const { return static_cast<double>(stored_bytes) / seconds; }
  double read_bytes_per_second() const { return static_cast<double>(stored_bytes) / read_seconds; }
  double scattered_read_bytes_per_second() const {
    return static_cast<double>(stored_bytes) / scattered_read_seconds;
  }
};

/// Makes batches as one rank of one would, again and again for at least `seconds` after one epoch
/// to warm up, then reads the same number of bytes from the page cache: of the shard files in
/// pieces of 256 KiB, and of the same sequences in the same order, one by one. `ranks` is for the
/// imbalance only.
LoaderFigures bench_loader(const std::filesystem::path& folder, const std::string& split,
                           const SamplerOptions& order, const LoaderOptions& options,
                           double seconds, int ranks);

}  // namespace lockstep
