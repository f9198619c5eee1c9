#include "data/shard_hdf5.h"

#include <array>

#include "data/base/error.h"

namespace lockstep {
namespace {

std::recursive_mutex& library_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

}  // namespace

Hdf5Session::Hdf5Session() : lock_(library_mutex()) {
  // A file may name a filter that libhdf5 would load from a folder: it may not, not even once.
  static const herr_t plugins_off = H5PLset_loading_state(0);
  LOCKSTEP_CHECK(plugins_off >= 0, "libhdf5 keeps loading plugins");
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // the stack belongs to the thread
}

Hdf5Id& Hdf5Id::operator=(Hdf5Id&& other) noexcept {
  if (this != &other) {
    close();
    id_ = std::exchange(other.id_, -1);
    close_ = other.close_;
  }
  return *this;
}

bool Hdf5Id::close() {
  const hid_t id = std::exchange(id_, -1);
  if (id < 0) return true;
  const Hdf5Session session;
  return close_(id) >= 0;
}

Hdf5Id owned_type(hid_t id) {
  return {id, H5Tclose};
}
Hdf5Id owned_space(hid_t id) {
  return {id, H5Sclose};
}
Hdf5Id owned_properties(hid_t id) {
  return {id, H5Pclose};
}
Hdf5Id owned_attribute(hid_t id) {
  return {id, H5Aclose};
}
Hdf5Id owned_dataset(hid_t id) {
  return {id, H5Dclose};
}
Hdf5Id owned_group(hid_t id) {
  return {id, H5Gclose};
}
Hdf5Id owned_file(hid_t id) {
  return {id, H5Fclose};
}

hid_t native_type(ElementType element) {
  switch (element) {
    case ElementType::u8:
      return H5T_NATIVE_UINT8;
    case ElementType::i16:
      return H5T_NATIVE_INT16;
    case ElementType::i32:
      return H5T_NATIVE_INT32;
    case ElementType::i64:
      return H5T_NATIVE_INT64;
    case ElementType::f32:
      return H5T_NATIVE_FLOAT;
    case ElementType::f64:
      return H5T_NATIVE_DOUBLE;
  }
  return -1;
}

hid_t little_endian_type(ElementType element) {
  switch (element) {
    case ElementType::u8:
      return H5T_STD_U8LE;
    case ElementType::i16:
      return H5T_STD_I16LE;
    case ElementType::i32:
      return H5T_STD_I32LE;
    case ElementType::i64:
      return H5T_STD_I64LE;
    case ElementType::f32:
      return H5T_IEEE_F32LE;
    case ElementType::f64:
      return H5T_IEEE_F64LE;
  }
  return -1;
}

hid_t big_endian_type(ElementType element) {
  switch (element) {
    case ElementType::u8:
      return H5T_STD_U8BE;
    case ElementType::i16:
      return H5T_STD_I16BE;
    case ElementType::i32:
      return H5T_STD_I32BE;
    case ElementType::i64:
      return H5T_STD_I64BE;
    case ElementType::f32:
      return H5T_IEEE_F32BE;
    case ElementType::f64:
      return H5T_IEEE_F64BE;
  }
  return -1;
}

Hdf5Id select_rows(hid_t dataset, int rank, int64_t first, int64_t count) {
  Hdf5Id space = owned_space(H5Dget_space(dataset));
  if (rank > kMaxRank || H5Sget_simple_extent_ndims(space.get()) != rank) return {};
  const std::array<hsize_t, kMaxRank> start{static_cast<hsize_t>(first)};
  std::array<hsize_t, kMaxRank> extent{};
  if (H5Sget_simple_extent_dims(space.get(), extent.data(), nullptr) < 0) return {};
  extent[0] = static_cast<hsize_t>(count);
  if (H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, extent.data(),
                          nullptr) < 0) {
    return {};
  }
  return space;
}

Hdf5Id memory_rows(int rank, int64_t count, int64_t width) {
  const std::array<hsize_t, 2> extent{static_cast<hsize_t>(count), static_cast<hsize_t>(width)};
  return owned_space(H5Screate_simple(rank, extent.data(), nullptr));
}

}  // namespace lockstep
