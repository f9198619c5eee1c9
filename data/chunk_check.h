// Whether a chunk of an HDF5 file holds what its shape says, before libhdf5 copies rows out of it.
#pragma once

#include <array>
#include <vector>

#include "data/host_buffer.h"
#include "data/shard_file.h"

namespace lockstep {

/// libhdf5 (at least to 1.10) copies rows out of a chunk by the shape of the chunk, whatever its
/// filters have left of it: of one that is too short it reads memory of somebody else.
class ChunkCheck {
 public:
  /// `filters` in the order in which they were applied: shuffle, deflate and fletcher32 only.
  /// Throws Error(corrupt) when they stand in an order that cannot be undone here.
  ChunkCheck(const ShardFile& file, std::string path, std::vector<H5Z_filter_t> filters);

  /// Throws Error(corrupt) unless the chunk that begins at the element `place` comes out of its
  /// filters with `bytes` bytes, or was never written. Needs a Hdf5Session.
  void require_whole(hid_t dataset, const std::array<hsize_t, kMaxRank>& place, size_t bytes);

 private:
  bool is_stored_whole(hid_t dataset, const std::array<hsize_t, kMaxRank>& place, size_t bytes);
  bool is_filtered_whole(hid_t dataset, const std::array<hsize_t, kMaxRank>& place,
                         size_t stored_bytes, size_t bytes);
  bool comes_out_whole(std::vector<unsigned char> stored, uint32_t skipped_filters,
                       size_t bytes) const;

  const ShardFile* file_;
  std::string path_;
  std::vector<H5Z_filter_t> filters_;
  HostBuffer stored_;  ///< a chunk as it stands in the file, whatever length the file gives it
};

}  // namespace lockstep
