// The few things that both the reader and the writer of shards need from libhdf5.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

#include "data/manifest.h"

namespace lockstep {

/// Held around every use of libhdf5: one thread at a time, and no error stack printed for problems
/// that we put into our own words.
class Hdf5Session {
 public:
  Hdf5Session();

 private:
  std::lock_guard<std::recursive_mutex> lock_;
};

/// Owns an identifier of libhdf5 and closes it with the function for its kind.
class Hdf5Id {
 public:
  using Close = herr_t (*)(hid_t);

  Hdf5Id() = default;
  Hdf5Id(hid_t id, Close closer) : id_(id), close_(closer) {}
  Hdf5Id(Hdf5Id&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Hdf5Id& operator=(Hdf5Id&& other) noexcept;
  ~Hdf5Id() { close(); }

  hid_t get() const { return id_; }
  bool valid() const { return id_ >= 0; }
  /// False when libhdf5 reports a failure, such as a write that could not be finished.
  bool close();

 private:
  hid_t id_ = -1;
  Close close_ = nullptr;
};

Hdf5Id owned_type(hid_t id);
Hdf5Id owned_space(hid_t id);
Hdf5Id owned_properties(hid_t id);
Hdf5Id owned_attribute(hid_t id);
Hdf5Id owned_dataset(hid_t id);
Hdf5Id owned_group(hid_t id);
Hdf5Id owned_file(hid_t id);

/// The type in memory, and its two forms in a file.
hid_t native_type(ElementType element);
hid_t little_endian_type(ElementType element);
hid_t big_endian_type(ElementType element);

/// Most dimensions of a data set.
inline constexpr int kMaxRank = 3;

/// Selects rows [first, first + count) of a data set of `rank` 1 to kMaxRank: all that stands
/// behind these indices of the first dimension. Gives the data space of the file, or an invalid
/// identifier.
Hdf5Id select_rows(hid_t dataset, int rank, int64_t first, int64_t count);
/// The data space of as many rows in memory.
Hdf5Id memory_rows(int rank, int64_t count, int64_t width);

}  // namespace lockstep
