#include "data/shard_reader.h"

#include <algorithm>
#include <array>

#include "data/base/error.h"
#include "data/element_type.h"
#include "data/shard_array.h"
#include "data/shard_layout.h"

namespace lockstep {
namespace {

constexpr int64_t kRowsAtOnce = 65536;

void check_dimension(const ShardFile& file, const std::string& place,
                     const std::vector<int64_t>& found, const StreamSchema& stream) {
  const int64_t dimension = shard_layout::dimension_of(stream);
  const int64_t rank = shard_layout::rank_of(stream);
  if (found[0] != dimension || (found.size() == 2 && found[1] != rank)) {
    file.fail(place, fmt::format("says dimension {}{}; {}, {} expected", found[0],
                                 found.size() == 2 ? fmt::format(", rank {}", found[1]) : "",
                                 dimension, rank));
  }
}

}  // namespace

ShardReader::ShardReader(const std::filesystem::path& file, const std::vector<StreamSchema>& schema)
    : file_(file, VouchedBy::manifest) {
  const Hdf5Session session;
  check_attributes(schema);
  for (size_t i = 0; i < schema.size(); ++i) {
    data_.emplace_back(file_, shard_layout::data_path(schema, i), schema[i].element,
                       static_cast<int>(shard_layout::rank_of(schema[i])), width_of(schema[i]));
  }
  read_lengths(schema.size());
  check_tags();
  for (size_t i = 0; i < schema.size(); ++i) {
    if (schema[i].is_symbols()) check_symbols(schema[i], i);
  }
  const bool direct = std::all_of(data_.begin(), data_.end(),
                                  [](const ShardDataset& data) { return data.is_direct(); });
  if (direct) file_.close_hdf5();
}

void ShardReader::check_attributes(const std::vector<StreamSchema>& schema) {
  check_dimension(file_, shard_layout::kInputSize,
                  integer_attribute(file_, ".", shard_layout::kInputSize), schema[0]);
  if (schema.size() == 1) return;
  file_.require_hard_links(shard_layout::kTargetSize);
  for (size_t i = 1; i < schema.size(); ++i) {
    check_dimension(file_, fmt::format("{}@{}", shard_layout::kTargetSize, schema[i].name),
                    integer_attribute(file_, shard_layout::kTargetSize, schema[i].name), schema[i]);
  }
}

void ShardReader::read_lengths(size_t num_streams) {
  const ShardDataset lengths(file_, shard_layout::kLengths, ElementType::i32, 2,
                             static_cast<int64_t>(num_streams));
  first_row_.assign(num_streams, {});
  for (auto& rows : first_row_) {
    rows.reserve(static_cast<size_t>(lengths.rows()) + 1);
    rows.push_back(0);
  }
  std::vector<int32_t> block(static_cast<size_t>(std::min(kRowsAtOnce, lengths.rows())) *
                             num_streams);
  for (int64_t first = 0; first < lengths.rows(); first += kRowsAtOnce) {
    const int64_t count = std::min(kRowsAtOnce, lengths.rows() - first);
    lengths.read_rows(first, count, block.data());
    for (size_t i = 0; i < static_cast<size_t>(count) * num_streams; ++i) {
      std::vector<int64_t>& rows = first_row_[i % num_streams];
      if (block[i] < 0) {
        file_.fail(lengths.path(),
                   fmt::format("gives sequence {} the length {}", rows.size() - 1, block[i]));
      }
      rows.push_back(rows.back() + block[i]);
    }
  }
  for (size_t i = 0; i < num_streams; ++i) {
    if (steps(i) != data_[i].rows()) {
      file_.fail(data_[i].path(), fmt::format("has {} rows, but the lengths of its sequences add "
                                              "up to {}",
                                              data_[i].rows(), steps(i)));
    }
  }
}

void ShardReader::check_tags() {
  file_.require_hard_links(shard_layout::kTags);
  const Hdf5Id tags = owned_dataset(H5Dopen2(file_.hdf5(), shard_layout::kTags, H5P_DEFAULT));
  const Hdf5Id type = owned_type(H5Dget_type(tags.get()));
  if (H5Tget_class(type.get()) != H5T_STRING || H5Tis_variable_str(type.get()) != 0) {
    file_.fail(shard_layout::kTags, "does not hold texts of a fixed length");
  }
  const Hdf5Id space = owned_space(H5Dget_space(tags.get()));
  if (H5Sget_simple_extent_ndims(space.get()) != 1 ||
      H5Sget_simple_extent_npoints(space.get()) != sequences()) {
    file_.fail(shard_layout::kTags, fmt::format("does not have one text for each of the {} "
                                                "sequences",
                                                sequences()));
  }
}

void ShardReader::check_symbols(const StreamSchema& schema, size_t stream) {
  const ShardDataset& data = data_[stream];
  const auto at_once = static_cast<size_t>(std::min(kRowsAtOnce, data.rows()));
  with_element_type(schema.element, [&](auto tag) {
    using T = typename decltype(tag)::type;
    std::vector<T> block(at_once);
    for (int64_t first = 0; first < data.rows(); first += kRowsAtOnce) {
      const int64_t count = std::min(kRowsAtOnce, data.rows() - first);
      data.read_rows(first, count, block.data());
      const auto end = block.begin() + count;
      const auto bad = std::find_if(block.begin(), end, [&](T value) {
        return value < 0 || static_cast<int64_t>(value) >= schema.num_classes;
      });
      if (bad == end) continue;
      const std::vector<int64_t>& rows = first_row_[stream];
      const auto after = std::upper_bound(rows.begin(), rows.end(), first + (bad - block.begin()));
      file_.fail(data.path(),
                 fmt::format("holds {} in sequence {}; its {} classes are 0 to {}", *bad,
                             after - rows.begin() - 1, schema.num_classes, schema.num_classes - 1));
    }
  });
}

int64_t ShardReader::length(int64_t sequence, size_t stream) const {
  const auto i = static_cast<size_t>(sequence);
  return first_row_[stream][i + 1] - first_row_[stream][i];
}

int64_t ShardReader::keep_in_memory(size_t stream, int64_t budget) {
  ShardDataset& data = data_[stream];
  if (data.bytes() > budget) return 0;
  data.keep_in_memory();
  return data.bytes();
}

const char* ShardReader::kept(int64_t sequence, size_t stream) const {
  return data_[stream].kept_rows(first_row_[stream][static_cast<size_t>(sequence)]);
}

void ShardReader::read(int64_t sequence, size_t stream, void* destination) const {
  data_[stream].read_rows(first_row_[stream][static_cast<size_t>(sequence)],
                          length(sequence, stream), destination);
}

}  // namespace lockstep
