#include "data/chunk_check.h"

#include <zlib.h>

#include <algorithm>

#include "data/base/error.h"
#include "data/shard_layout.h"

namespace lockstep {
namespace {

constexpr size_t kMostStoredBytes = size_t{1} << 32;  // an index has 32 bits for the size

/// Whether `stored` is one stream of zlib's that holds exactly `bytes` bytes; they replace it.
bool inflate_exactly(std::vector<unsigned char>& stored, size_t bytes) {
  std::vector<unsigned char> plain(bytes + 1);  // one more, to notice what is too long
  uLongf count = plain.size();
  if (::uncompress(plain.data(), &count, stored.data(), stored.size()) != Z_OK) return false;
  if (count != bytes) return false;
  plain.resize(bytes);
  stored = std::move(plain);
  return true;
}

}  // namespace

ChunkCheck::ChunkCheck(const ShardFile& file, std::string path, std::vector<H5Z_filter_t> filters)
    : file_(&file), path_(std::move(path)), filters_(std::move(filters)) {
  const auto deflate = std::find(filters_.begin(), filters_.end(), H5Z_FILTER_DEFLATE);
  if (deflate == filters_.end()) return;
  if (std::find(deflate, filters_.end(), H5Z_FILTER_SHUFFLE) != filters_.end() ||
      std::count(deflate, filters_.end(), H5Z_FILTER_DEFLATE) > 1) {
    file_->fail(path_, "applies deflate twice, or before shuffle");
  }
}

void ChunkCheck::require_whole(hid_t dataset, const std::array<hsize_t, kMaxRank>& place,
                               size_t bytes) {
  hsize_t stored_bytes = 0;
  if (H5Dget_chunk_storage_size(dataset, place.data(), &stored_bytes) < 0) {
    file_->fail(path_, "has a damaged index of chunks");
  }
  if (stored_bytes == 0) return;  // never written: filled by libhdf5
  // Pages that nobody writes to cost nothing.
  stored_.reserve(std::min(static_cast<size_t>(file_->size()), kMostStoredBytes));
  const bool whole = filters_.empty()
                         ? stored_bytes == bytes && is_stored_whole(dataset, place, bytes)
                         : is_filtered_whole(dataset, place, stored_bytes, bytes);
  if (!whole) {
    file_->fail(path_, fmt::format("has a damaged chunk at row {}: it does not hold {} bytes",
                                   place[0], bytes));
  }
}

bool ChunkCheck::is_stored_whole(hid_t dataset, const std::array<hsize_t, kMaxRank>& place,
                                 size_t bytes) {
  if (bytes >= stored_.capacity()) return false;
  // What libhdf5 says of the size is the shape's, not the index's. It reads as much as the index
  // says: hence the last byte must have been written over, and the one after it must not.
  const auto is_written = [&](size_t at, unsigned char mark) {
    uint32_t skipped_filters = 0;
    auto* memory = stored_.as<unsigned char>();
    memory[at] = mark;
    return H5Dread_chunk(dataset, H5P_DEFAULT, place.data(), &skipped_filters, memory) >= 0 &&
           memory[at] != mark;
  };
  const bool has_last = is_written(bytes - 1, 0) || is_written(bytes - 1, 1);
  return has_last && !is_written(bytes, 0) && !is_written(bytes, 1);
}

bool ChunkCheck::is_filtered_whole(hid_t dataset, const std::array<hsize_t, kMaxRank>& place,
                                   size_t stored_bytes, size_t bytes) {
  if (stored_bytes > stored_.capacity()) return false;
  uint32_t skipped_filters = 0;
  auto* memory = stored_.as<unsigned char>();
  return H5Dread_chunk(dataset, H5P_DEFAULT, place.data(), &skipped_filters, memory) >= 0 &&
         comes_out_whole({memory, memory + stored_bytes}, skipped_filters, bytes);
}

bool ChunkCheck::comes_out_whole(std::vector<unsigned char> stored, uint32_t skipped_filters,
                                 size_t bytes) const {
  const auto is_applied = [&](size_t i) { return (skipped_filters >> i & 1U) == 0; };
  const auto checksums_before = [&](size_t end) {
    size_t count = 0;
    for (size_t i = 0; i < end; ++i) {
      if (filters_[i] == H5Z_FILTER_FLETCHER32 && is_applied(i)) ++count;
    }
    return count * shard_layout::kChecksumBytes;
  };
  for (size_t i = filters_.size(); i-- > 0;) {
    if (!is_applied(i)) continue;
    const size_t left = bytes + checksums_before(i);
    if (filters_[i] == H5Z_FILTER_DEFLATE && !inflate_exactly(stored, left)) return false;
    if (filters_[i] == H5Z_FILTER_FLETCHER32) {
      if (stored.size() < shard_layout::kChecksumBytes) return false;
      stored.resize(stored.size() - shard_layout::kChecksumBytes);
    }
  }
  return stored.size() == bytes;
}

}  // namespace lockstep
