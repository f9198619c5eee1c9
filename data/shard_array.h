// What an HDF5 file of unknown layout holds, before any of its data is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/shard_file.h"

namespace lockstep {

/// An array of numbers: its element type, and 1 to kMaxRank extents of at most 2^40.
struct ArrayShape {
  ElementType element = ElementType::f32;
  std::vector<int64_t> extent;
};

/// Throws Error(corrupt) when there is no such data set, a link leads elsewhere, or it is not an
/// array of one of the six element types.
ArrayShape shape_of_array(const ShardFile& file, const std::string& path);

/// Whether each part of the path is there and a hard link.
bool has_object(const ShardFile& file, const std::string& path);

/// Names of a group's members, sorted; at most 10000 of them.
std::vector<std::string> names_in_group(const ShardFile& file, const std::string& path);

/// An attribute of one or two integers (RETURNN's tools write some of them as one number). Throws
/// Error(corrupt) when it is something else or not there.
std::vector<int64_t> integer_attribute(const ShardFile& file, const char* owner,
                                       const std::string& name);

/// The texts of a data set, each up to its first zero byte. Null when they are not of a fixed
/// length or there are not `count` of them; Error(corrupt) when they cannot be read.
std::optional<std::vector<std::string>> fixed_texts(const ShardFile& file, const std::string& path,
                                                    int64_t count);

}  // namespace lockstep
