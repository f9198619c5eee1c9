// Names and limits of the shard format, which FORMAT.md describes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "data/manifest.h"

namespace lockstep::shard_layout {

inline constexpr const char* kInputs = "inputs";
inline constexpr const char* kInputSize = "inputPattSize";  ///< attribute of the file
inline constexpr const char* kLengths = "seqLengths";
inline constexpr const char* kTags = "seqTags";
inline constexpr const char* kTargets = "targets";
inline constexpr const char* kTargetData = "targets/data";
inline constexpr const char* kTargetSize = "targets/size";
inline constexpr const char* kTargetLabels = "targets/labels";

/// What the writer aims at: few enough chunks for a quick look-up, small enough to buffer.
inline constexpr size_t kChunkBytes = size_t{256} << 10;
/// What the reader accepts.
inline constexpr size_t kMaxChunkBytes = size_t{64} << 20;
/// What Fletcher32 adds to a chunk.
inline constexpr size_t kChecksumBytes = 4;

/// Where the data of stream `index` of a schema lies.
inline std::string data_path(const std::vector<StreamSchema>& schema, size_t index) {
  return index == 0 ? kInputs : std::string(kTargetData) + "/" + schema[index].name;
}

/// What `inputPattSize` and `targets/size` say of a stream: its dimension and its rank.
inline int64_t dimension_of(const StreamSchema& stream) {
  return stream.is_symbols() ? stream.num_classes : stream.features;
}
inline int64_t rank_of(const StreamSchema& stream) {
  return stream.is_symbols() ? 1 : 2;
}

}  // namespace lockstep::shard_layout
