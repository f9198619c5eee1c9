// Equal parts of a number of things.
#pragma once

#include <algorithm>
#include <cstdint>

namespace lockstep {

/// A part [begin, end).
struct Share {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t size() const { return end - begin; }
};

/// The part of `count` things that belongs to `part` of `parts`: sizes differ by one at most,
/// larger parts first.
inline Share share_of(int64_t count, int64_t part, int64_t parts) {
  const int64_t size = count / parts;
  const int64_t larger = count % parts;
  const int64_t begin = part * size + std::min(part, larger);
  return {begin, begin + size + (part < larger ? 1 : 0)};
}

/// The lanes of a rank, when there are `lanes` (a multiple of the world size) over all ranks; 0
/// means one a rank.
inline Share lanes_of_rank(int64_t lanes, int rank, int world_size) {
  return share_of(lanes == 0 ? world_size : lanes, rank, world_size);
}

}  // namespace lockstep
