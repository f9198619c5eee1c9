#include "data/shard_rows.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "data/base/error.h"
#include "data/shard_layout.h"

namespace lockstep {

ShardRows::ShardRows(std::filesystem::path file, std::string name, hid_t file_type,
                     hid_t memory_type, int rank, int64_t width, int64_t compression)
    : file_(std::move(file)),
      name_(std::move(name)),
      file_type_(file_type),
      memory_type_(memory_type),
      rank_(rank),
      width_(width),
      compression_(compression),
      row_bytes_(H5Tget_size(memory_type) * static_cast<size_t>(width)),
      chunk_rows_(
          std::max<int64_t>(1, static_cast<int64_t>(shard_layout::kChunkBytes / row_bytes_))) {}

void ShardRows::append(hid_t location, const void* rows, int64_t count) {
  const auto* bytes = static_cast<const char*>(rows);
  const size_t full = static_cast<size_t>(chunk_rows_) * row_bytes_;
  size_t left = static_cast<size_t>(count) * row_bytes_;
  while (left > 0) {
    const size_t part = std::min(left, full - buffer_.size());
    buffer_.insert(buffer_.end(), bytes, bytes + part);
    bytes += part;
    left -= part;
    if (buffer_.size() == full) flush(location);
  }
}

void ShardRows::finish(hid_t location) {
  flush(location);
  if (!dataset_.close()) fail("finish");
}

void ShardRows::flush(hid_t location) {
  if (!dataset_.valid()) create(location);
  const auto count = static_cast<int64_t>(buffer_.size() / row_bytes_);
  if (count == 0) return;
  const std::array<hsize_t, 2> extent{static_cast<hsize_t>(rows_ + count),
                                      static_cast<hsize_t>(width_)};
  if (H5Dset_extent(dataset_.get(), extent.data()) < 0) fail("extend");
  const Hdf5Id target = select_rows(dataset_.get(), rank_, rows_, count);
  const Hdf5Id source = memory_rows(rank_, count, width_);
  if (!target.valid() || !source.valid() ||
      H5Dwrite(dataset_.get(), memory_type_, source.get(), target.get(), H5P_DEFAULT,
               buffer_.data()) < 0) {
    fail("write");
  }
  rows_ += count;
  buffer_.clear();
}

void ShardRows::create(hid_t location) {
  const auto buffered = static_cast<int64_t>(buffer_.size() / row_bytes_);
  chunk_rows_ = std::max<int64_t>(1, buffered);
  const auto width = static_cast<hsize_t>(width_);
  const std::array<hsize_t, 2> none{0, width};
  const std::array<hsize_t, 2> most{H5S_UNLIMITED, width};
  const std::array<hsize_t, 2> chunk{static_cast<hsize_t>(chunk_rows_), width};
  const Hdf5Id space = owned_space(H5Screate_simple(rank_, none.data(), most.data()));
  const Hdf5Id creation = owned_properties(H5Pcreate(H5P_DATASET_CREATE));
  // Bytes of equal weight beside each other compress better, hence the shuffle.
  const bool compressed =
      compression_ == 0 ||
      (H5Pset_shuffle(creation.get()) >= 0 &&
       H5Pset_deflate(creation.get(), static_cast<unsigned>(compression_)) >= 0);
  // Times would make two equal data sets differ; unfilled memory of a last chunk would too.
  if (H5Pset_chunk(creation.get(), rank_, chunk.data()) < 0 || !compressed ||
      H5Pset_fletcher32(creation.get()) < 0 || H5Pset_obj_track_times(creation.get(), false) < 0 ||
      H5Pset_fill_time(creation.get(), H5D_FILL_TIME_ALLOC) < 0) {
    fail("describe");
  }
  dataset_ = owned_dataset(H5Dcreate2(location, name_.c_str(), file_type_, space.get(), H5P_DEFAULT,
                                      creation.get(), H5P_DEFAULT));
  if (!dataset_.valid()) fail("create");
}

void ShardRows::fail(const char* action) const {
  const int reason = errno;
  throw Error(ExitCode::save_failed,
              fmt::format("{}: cannot {} the data set \"{}\"{}{}", file_.string(), action, name_,
                          reason == 0 ? "" : ": ", reason == 0 ? "" : std::strerror(reason)),
              "check the free space and the rights of this folder");
}

}  // namespace lockstep
