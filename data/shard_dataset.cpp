#include "data/shard_dataset.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "data/base/error.h"
#include "data/shard_layout.h"

namespace lockstep {
namespace {

/// Deflate's best case is a little better than 1000:1.
constexpr int64_t kMaxDeflateRatio = 1040;
/// libhdf5 finds chunk n by walking over the n before it; past this it would take seconds.
constexpr hsize_t kMaxDirectChunks = 4096;
constexpr size_t kMaxTextBytes = size_t{1} << 16;

}  // namespace

ShardDataset::ShardDataset(const ShardFile& file, std::string path, ElementType element, int rank,
                           int64_t width)
    : file_(&file),
      path_(std::move(path)),
      memory_type_(native_type(element)),
      rank_(rank),
      width_(width),
      row_bytes_(size_of(element) * static_cast<size_t>(width)) {
  const Hdf5Session session;
  open();
  check_type(element);
  check_storage();
  check_shape();
  const bool checksums_count = has_fletcher32_ && file_->vouched_by() == VouchedBy::itself;
  const bool plain =
      is_native_ && !has_deflate_ && !has_shuffle_ && !checksums_count && !file_->has_user_block();
  if (plain && (is_chunked_ ? locate_chunks() : locate_contiguous())) dataset_.close();
}

ShardDataset::ShardDataset(const ShardFile& file, std::string path)
    : file_(&file), path_(std::move(path)), memory_type_(-1), rank_(1), width_(1), row_bytes_(1) {
  const Hdf5Session session;
  open();
  text_type_ = owned_type(H5Dget_type(dataset_.get()));
  if (H5Tget_class(text_type_.get()) != H5T_STRING || H5Tis_variable_str(text_type_.get()) != 0) {
    fail("does not hold texts of a fixed length");
  }
  memory_type_ = text_type_.get();
  row_bytes_ = H5Tget_size(memory_type_);
  if (row_bytes_ == 0 || row_bytes_ > kMaxTextBytes) {
    fail(fmt::format("has texts of more than {} bytes", kMaxTextBytes));
  }
  check_storage();
  check_shape();
}

void ShardDataset::open() {
  file_->require_hard_links(path_);
  const Hdf5Id access = owned_properties(H5Pcreate(H5P_DATASET_ACCESS));
  H5Pset_chunk_cache(access.get(), 521, size_t{16} << 20, 1.0);
  dataset_ = owned_dataset(H5Dopen2(file_->hdf5(), path_.c_str(), access.get()));
  if (!dataset_.valid()) fail("cannot be opened, or is a group");
}

void ShardDataset::check_type(ElementType element) {
  const Hdf5Id type = owned_type(H5Dget_type(dataset_.get()));
  is_native_ = H5Tequal(type.get(), memory_type_) > 0;
  if (is_native_ || H5Tequal(type.get(), little_endian_type(element)) > 0 ||
      H5Tequal(type.get(), big_endian_type(element)) > 0) {
    return;
  }
  const H5T_class_t kind = H5Tget_class(type.get());
  const char* name = kind == H5T_INTEGER ? (H5Tget_sign(type.get()) == H5T_SGN_NONE ? "u" : "i")
                     : kind == H5T_FLOAT ? "f"
                                         : nullptr;
  fail(name == nullptr ? fmt::format("does not hold numbers; {} is expected", name_of(element))
                       : fmt::format("holds {}{}; {} is expected", name,
                                     8 * H5Tget_size(type.get()), name_of(element)));
}

void ShardDataset::check_storage() {
  const Hdf5Id creation = owned_properties(H5Dget_create_plist(dataset_.get()));
  if (!creation.valid()) fail("has no readable description");
  if (H5Pget_external_count(creation.get()) != 0) fail("keeps its data in another file");
  const H5D_layout_t layout = H5Pget_layout(creation.get());
  is_chunked_ = layout == H5D_CHUNKED;
  if (!is_chunked_ && layout != H5D_CONTIGUOUS && layout != H5D_COMPACT) {
    fail("has a layout other than chunked, contiguous or compact");
  }
  check_filters(creation.get());
  if (!is_chunked_) return;
  if (H5Pget_chunk(creation.get(), kMaxRank, chunk_.data()) != rank_) {
    fail("has chunks of another rank");
  }
  const size_t element_bytes = row_bytes_ / static_cast<size_t>(width_);
  const size_t most = shard_layout::kMaxChunkBytes / element_bytes;
  size_t elements = 1;
  for (const hsize_t extent : chunk_) {
    if (extent == 0 || extent > most / elements) {
      fail(fmt::format("has chunks of more than {} bytes", shard_layout::kMaxChunkBytes));
    }
    elements *= extent;
  }
}

void ShardDataset::check_filters(hid_t creation) {
  const int count = H5Pget_nfilters(creation);
  if (count < 0) fail("has no readable list of filters");
  std::vector<H5Z_filter_t> filters;
  for (int i = 0; i < count; ++i) {
    unsigned flags = 0;
    unsigned config = 0;
    size_t values = 0;
    const H5Z_filter_t filter = H5Pget_filter2(creation, static_cast<unsigned>(i), &flags, &values,
                                               nullptr, 0, nullptr, &config);
    switch (filter) {
      case H5Z_FILTER_SHUFFLE:
        has_shuffle_ = true;
        break;
      case H5Z_FILTER_DEFLATE:
        has_deflate_ = true;
        break;
      case H5Z_FILTER_FLETCHER32:
        has_fletcher32_ = true;
        break;
      default:
        fail(fmt::format("uses the filter {}; shuffle, deflate and fletcher32 are allowed",
                         static_cast<int>(filter)));
    }
    filters.push_back(filter);
  }
  chunk_check_.emplace(*file_, path_, std::move(filters));
}

void ShardDataset::check_shape() {
  const Hdf5Id space = owned_space(H5Dget_space(dataset_.get()));
  const int found = H5Sget_simple_extent_ndims(space.get());
  if (found != rank_) fail(fmt::format("has {} dimensions; {} expected", found, rank_));
  if (H5Sget_simple_extent_dims(space.get(), extent_.data(), nullptr) < 0) fail("has no shape");
  const auto width = static_cast<hsize_t>(width_);
  // Each factor is bounded before they are multiplied.
  if (extent_[1] > width || extent_[2] > width || extent_[1] * extent_[2] != width) {
    fail(rank_ == 3 ? fmt::format("has {} by {} numbers a row; {} expected", extent_[1], extent_[2],
                                  width_)
                    : fmt::format("has {} columns; {} expected", extent_[1], width_));
  }
  check_rows(extent_[0]);
  rows_ = static_cast<int64_t>(extent_[0]);
  if (!is_chunked_) check_unchunked_bytes();
  const bool whole_rows = chunk_[1] == extent_[1] && chunk_[2] == extent_[2];
  if (is_chunked_ && whole_rows) chunk_rows_ = static_cast<int64_t>(chunk_[0]);
}

void ShardDataset::check_rows(hsize_t rows) const {
  const int64_t most =
      file_->size() / static_cast<int64_t>(row_bytes_) * (has_deflate_ ? kMaxDeflateRatio : 1) +
      (has_deflate_ ? kMaxDeflateRatio : 0);
  if (rows > static_cast<hsize_t>(most)) {
    fail(fmt::format("claims {} rows, more than a file of {} bytes can hold", rows, file_->size()));
  }
}

void ShardDataset::check_unchunked_bytes() const {
  const Hdf5Id type = owned_type(H5Dget_type(dataset_.get()));
  const auto expected = static_cast<hsize_t>(rows_ * width_) * H5Tget_size(type.get());
  const hsize_t found = H5Dget_storage_size(dataset_.get());
  // libhdf5 copies by the shape, whatever the size is that the layout gives.
  if (found != expected) fail(fmt::format("keeps {} bytes; its shape has {}", found, expected));
}

bool ShardDataset::locate_contiguous() {
  if (rows_ == 0) return true;
  const haddr_t offset = H5Dget_offset(dataset_.get());  // undefined when compact or never written
  if (offset == HADDR_UNDEF) return false;
  const auto bytes = rows_ * static_cast<int64_t>(row_bytes_);
  if (offset > static_cast<haddr_t>(file_->size() - bytes)) fail("lies past the end of the file");
  chunk_rows_ = rows_;
  chunk_offsets_ = {static_cast<int64_t>(offset)};
  return true;
}

bool ShardDataset::locate_chunks() {
  const Hdf5Id space = owned_space(H5Dget_space(dataset_.get()));
  hsize_t count = 0;
  if (chunk_rows_ == 0 || H5Dget_num_chunks(dataset_.get(), space.get(), &count) < 0) return false;
  const int64_t expected = (rows_ + chunk_rows_ - 1) / chunk_rows_;
  if (count > kMaxDirectChunks || static_cast<int64_t>(count) != expected) return false;
  const size_t chunk_bytes = static_cast<size_t>(chunk_rows_) * row_bytes_;
  std::vector<int64_t> offsets(count, -1);
  for (hsize_t i = 0; i < count; ++i) {
    std::array<hsize_t, 2> position{};
    unsigned skipped_filters = 0;
    haddr_t address = HADDR_UNDEF;
    hsize_t bytes = 0;
    if (H5Dget_chunk_info(dataset_.get(), space.get(), i, position.data(), &skipped_filters,
                          &address, &bytes) < 0) {
      fail("has a damaged index of chunks");
    }
    const size_t checksum =
        has_fletcher32_ && skipped_filters == 0 ? shard_layout::kChecksumBytes : 0;
    const hsize_t index = position[0] / static_cast<hsize_t>(chunk_rows_);
    if (bytes != chunk_bytes + checksum || index >= count || offsets[index] != -1) return false;
    if (address > static_cast<haddr_t>(file_->size()) ||
        bytes > static_cast<haddr_t>(file_->size()) - address) {
      fail("has a chunk past the end of the file");
    }
    offsets[index] = static_cast<int64_t>(address);
  }
  chunk_offsets_ = std::move(offsets);
  return true;
}

void ShardDataset::keep_in_memory() {
  HostBuffer all(HostAllocator::large_pages());
  all.reserve(static_cast<size_t>(bytes()));
  read_rows(0, rows_, all.as<char>());
  kept_ = std::move(all);
  dataset_.close();
}

const char* ShardDataset::kept_rows(int64_t first) const {
  return kept_.capacity() == 0 ? nullptr
                               : kept_.as<char>() + static_cast<size_t>(first) * row_bytes_;
}

void ShardDataset::read_rows(int64_t first, int64_t count, void* destination) const {
  LOCKSTEP_CHECK(first >= 0 && count >= 0 && count <= rows_ - first, "rows {} + {} of {} in {}",
                 first, count, rows_, path_);
  if (count == 0) return;
  if (kept_.capacity() > 0) {
    std::memcpy(destination, kept_rows(first), static_cast<size_t>(count) * row_bytes_);
  } else if (is_direct()) {
    read_chunks(first, count, static_cast<char*>(destination));
  } else {
    read_by_hdf5(first, count, destination);
  }
}

void ShardDataset::read_chunks(int64_t first, int64_t count, char* destination) const {
  while (count > 0) {
    const int64_t row = first % chunk_rows_;
    const int64_t part = std::min(count, chunk_rows_ - row);
    const auto part_bytes = static_cast<size_t>(part) * row_bytes_;
    file_->read_bytes(chunk_offsets_[static_cast<size_t>(first / chunk_rows_)] +
                          row * static_cast<int64_t>(row_bytes_),
                      part_bytes, destination);
    destination += part_bytes;
    first += part;
    count -= part;
  }
}

void ShardDataset::require_whole_chunks(int64_t first, int64_t count) const {
  if (!is_chunked_) return;
  const Hdf5Id type = owned_type(H5Dget_type(dataset_.get()));
  const size_t bytes = chunk_[0] * chunk_[1] * chunk_[2] * H5Tget_size(type.get());
  const auto height = static_cast<int64_t>(chunk_[0]);
  checked_chunk_rows_.resize(static_cast<size_t>((rows_ + height - 1) / height));
  for (int64_t i = first / height; i <= (first + count - 1) / height; ++i) {
    if (checked_chunk_rows_[static_cast<size_t>(i)]) continue;
    for (hsize_t column = 0; column < extent_[1]; column += chunk_[1]) {
      for (hsize_t plane = 0; plane < extent_[2]; plane += chunk_[2]) {
        chunk_check_->require_whole(dataset_.get(),
                                    {static_cast<hsize_t>(i) * chunk_[0], column, plane}, bytes);
      }
    }
    checked_chunk_rows_[static_cast<size_t>(i)] = true;
  }
}

void ShardDataset::read_by_hdf5(int64_t first, int64_t count, void* destination) const {
  file_->require_unchanged();
  const Hdf5Session session;
  require_whole_chunks(first, count);
  const Hdf5Id source = select_rows(dataset_.get(), rank_, first, count);
  const Hdf5Id target = memory_rows(2, count, width_);
  if (!source.valid() || !target.valid() ||
      H5Dread(dataset_.get(), memory_type_, target.get(), source.get(), H5P_DEFAULT, destination) <
          0) {
    fail(fmt::format("cannot be read at rows {} to {}: damaged, or a checksum does not match",
                     first, first + count - 1));
  }
}

}  // namespace lockstep
