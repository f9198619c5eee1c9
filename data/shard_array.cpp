#include "data/shard_array.h"

#include <algorithm>
#include <array>

#include "data/base/error.h"
#include "data/shard_dataset.h"

namespace lockstep {
namespace {

constexpr hsize_t kMaxExtent = hsize_t{1} << 40;
constexpr size_t kMaxNames = 10000;
constexpr int64_t kTextsAtOnce = 256;

Hdf5Id open_array(const ShardFile& file, const std::string& path) {
  file.require_hard_links(path);
  Hdf5Id dataset = owned_dataset(H5Dopen2(file.hdf5(), path.c_str(), H5P_DEFAULT));
  if (!dataset.valid()) file.fail(path, "cannot be opened, or is a group");
  return dataset;
}

ElementType element_of(const ShardFile& file, const std::string& path, hid_t type) {
  for (const ElementType element : {ElementType::u8, ElementType::i16, ElementType::i32,
                                    ElementType::i64, ElementType::f32, ElementType::f64}) {
    if (H5Tequal(type, little_endian_type(element)) > 0 ||
        H5Tequal(type, big_endian_type(element)) > 0) {
      return element;
    }
  }
  file.fail(path, fmt::format("holds elements of {} bytes that are not u8, i16, i32, i64, f32 or "
                              "f64; convert it (with h5py: array.astype)",
                              H5Tget_size(type)));
}

herr_t collect_name(hid_t, const char* name, const H5L_info_t*, void* names) {
  auto& list = *static_cast<std::vector<std::string>*>(names);
  list.emplace_back(name);
  return list.size() < kMaxNames ? 0 : 1;
}

}  // namespace

ArrayShape shape_of_array(const ShardFile& file, const std::string& path) {
  const Hdf5Session session;
  const Hdf5Id dataset = open_array(file, path);
  const Hdf5Id type = owned_type(H5Dget_type(dataset.get()));
  const Hdf5Id space = owned_space(H5Dget_space(dataset.get()));
  const int rank = H5Sget_simple_extent_ndims(space.get());
  if (rank < 1 || rank > kMaxRank) {
    file.fail(path, fmt::format("has {} dimensions; 1 to {} can be read", rank, kMaxRank));
  }
  std::array<hsize_t, kMaxRank> extent{};
  if (H5Sget_simple_extent_dims(space.get(), extent.data(), nullptr) < 0) {
    file.fail(path, "has no shape");
  }
  ArrayShape shape{.element = element_of(file, path, type.get()), .extent = {}};
  for (int i = 0; i < rank; ++i) {
    const hsize_t size = extent[static_cast<size_t>(i)];
    if (size > kMaxExtent) file.fail(path, fmt::format("claims a dimension of {}", size));
    shape.extent.push_back(static_cast<int64_t>(size));
  }
  return shape;
}

bool has_object(const ShardFile& file, const std::string& path) {
  const Hdf5Session session;
  for (size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const std::string part = path.substr(0, end);
    H5L_info_t info;
    if (H5Lexists(file.hdf5(), part.c_str(), H5P_DEFAULT) <= 0 ||
        H5Lget_info(file.hdf5(), part.c_str(), &info, H5P_DEFAULT) < 0 ||
        info.type != H5L_TYPE_HARD) {
      return false;
    }
  }
  return true;
}

std::vector<std::string> names_in_group(const ShardFile& file, const std::string& path) {
  const Hdf5Session session;
  if (path != "/") file.require_hard_links(path);
  const Hdf5Id group = owned_group(H5Gopen2(file.hdf5(), path.c_str(), H5P_DEFAULT));
  std::vector<std::string> names;
  hsize_t position = 0;
  if (!group.valid() ||
      H5Literate(group.get(), H5_INDEX_NAME, H5_ITER_NATIVE, &position, collect_name, &names) < 0) {
    file.fail(path, "is not a group that can be read");
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<int64_t> integer_attribute(const ShardFile& file, const char* owner,
                                       const std::string& name) {
  const Hdf5Session session;
  const std::string place = std::string(owner) + "@" + name;
  if (H5Aexists_by_name(file.hdf5(), owner, name.c_str(), H5P_DEFAULT) <= 0) {
    file.fail(place, "is not there");
  }
  const Hdf5Id attribute =
      owned_attribute(H5Aopen_by_name(file.hdf5(), owner, name.c_str(), H5P_DEFAULT, H5P_DEFAULT));
  const Hdf5Id type = owned_type(H5Aget_type(attribute.get()));
  const Hdf5Id space = owned_space(H5Aget_space(attribute.get()));
  const hssize_t count = H5Sget_simple_extent_npoints(space.get());
  if (H5Tget_class(type.get()) != H5T_INTEGER || count < 1 || count > 2) {
    file.fail(place, "is not one or two integers");
  }
  std::vector<int64_t> values(static_cast<size_t>(count));
  if (H5Aread(attribute.get(), H5T_NATIVE_INT64, values.data()) < 0) {
    file.fail(place, "cannot be read");
  }
  return values;
}

std::optional<std::vector<std::string>> fixed_texts(const ShardFile& file, const std::string& path,
                                                    int64_t count) {
  {
    const Hdf5Session session;
    const Hdf5Id dataset = open_array(file, path);
    const Hdf5Id type = owned_type(H5Dget_type(dataset.get()));
    const Hdf5Id space = owned_space(H5Dget_space(dataset.get()));
    if (H5Tget_class(type.get()) != H5T_STRING || H5Tis_variable_str(type.get()) != 0 ||
        H5Sget_simple_extent_npoints(space.get()) != count) {
      return std::nullopt;
    }
  }
  const ShardDataset rows(file, path);
  std::vector<std::string> texts;
  std::vector<char> block(static_cast<size_t>(kTextsAtOnce) * rows.row_bytes());
  for (int64_t first = 0; first < rows.rows(); first += kTextsAtOnce) {
    const int64_t part = std::min(kTextsAtOnce, rows.rows() - first);
    rows.read_rows(first, part, block.data());
    for (int64_t i = 0; i < part; ++i) {
      const std::string_view text(block.data() + static_cast<size_t>(i) * rows.row_bytes(),
                                  rows.row_bytes());
      texts.emplace_back(text.substr(0, text.find('\0')));
    }
  }
  return texts;
}

}  // namespace lockstep
