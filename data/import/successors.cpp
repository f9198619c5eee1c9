#include "data/import/successors.h"

#include <algorithm>

namespace lockstep {
namespace {

uint64_t pair_of(int32_t from, int32_t to) {
  return static_cast<uint64_t>(static_cast<uint32_t>(from)) << 32 | static_cast<uint32_t>(to);
}

uint64_t from_of(uint64_t pair) {
  return pair >> 32;
}

struct CountedPair {
  uint64_t pair = 0;
  int64_t count = 0;
};

/// Each pair once, sorted.
std::vector<CountedPair> count_equal(const std::vector<uint64_t>& sorted) {
  std::vector<CountedPair> counted;
  for (const uint64_t pair : sorted) {
    if (counted.empty() || counted.back().pair != pair) counted.push_back({pair, 0});
    ++counted.back().count;
  }
  return counted;
}

}  // namespace

void Successors::add(int32_t from, int32_t to) {
  pairs_.push_back(pair_of(from, to));
}

void Successors::finish() {
  std::sort(pairs_.begin(), pairs_.end());
  std::vector<CountedPair> counted = count_equal(pairs_);
  pairs_ = {};
  std::sort(counted.begin(), counted.end(), [](const CountedPair& a, const CountedPair& b) {
    if (from_of(a.pair) != from_of(b.pair)) return a.pair < b.pair;
    return a.count != b.count ? a.count > b.count : a.pair < b.pair;
  });
  int32_t place = 0;
  for (size_t i = 0; i < counted.size(); ++i) {
    const bool same = i > 0 && from_of(counted[i].pair) == from_of(counted[i - 1].pair);
    place = same ? place + 1 : 1;
    if (place <= kPlaces) places_.push_back({counted[i].pair, place});
  }
  std::sort(places_.begin(), places_.end(),
            [](const Place& a, const Place& b) { return a.pair < b.pair; });
}

/// The first entry that is not before the pair.
std::vector<Successors::Place>::const_iterator Successors::first_from(uint64_t pair) const {
  return std::lower_bound(places_.begin(), places_.end(), pair,
                          [](const Place& entry, uint64_t wanted) { return entry.pair < wanted; });
}

int32_t Successors::place(int32_t from, int32_t to) const {
  if (to == 0) return 0;
  const uint64_t pair = pair_of(from, to);
  const auto found = first_from(pair);
  if (found != places_.end() && found->pair == pair) return found->place;
  const auto behind = first_from(pair_of(from + 1, 0));
  const int64_t place = to + (behind - found);  // smaller numbers, and successors with larger ones
  return place <= kPlaces ? static_cast<int32_t>(place) : 0;
}

}  // namespace lockstep
