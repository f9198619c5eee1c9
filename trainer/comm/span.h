// Parts of an array of floats.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace lockstep {

/// Part [begin, end) of an array.
struct Span {
  size_t begin = 0;
  size_t end = 0;
  size_t size() const { return end - begin; }
  friend bool operator==(const Span&, const Span&) = default;
};

/// Slice `index` of `parts` of `count` values, cut at multiples of `grain` (a cache line: no two
/// ranks write to the same). Sizes differ by one grain at most; slices may be empty.
inline Span aligned_slice(size_t count, int index, int parts, size_t grain = 16) {
  const size_t grains = (count + grain - 1) / grain;
  const auto cut = [&](int part) {
    return std::min(count, grains * static_cast<size_t>(part) / static_cast<size_t>(parts) * grain);
  };
  return {cut(index), cut(index + 1)};
}

/// All of them.
inline std::vector<Span> equal_slices(size_t count, int parts, size_t grain = 16) {
  std::vector<Span> slices;
  for (int i = 0; i < parts; ++i) slices.push_back(aligned_slice(count, i, parts, grain));
  return slices;
}

}  // namespace lockstep
