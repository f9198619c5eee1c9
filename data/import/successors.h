// Which item follows which: the ranking of a first-order Markov chain, the floor that recommenders
// are measured against.
#pragma once

#include <cstdint>
#include <vector>

namespace lockstep {

class Successors {
 public:
  /// Places behind this one are not told apart.
  static constexpr int32_t kPlaces = 100;

  /// In training, `to` came right behind `from`.
  void add(int32_t from, int32_t to);
  /// After the last add().
  void finish();
  /// The place of `to`, from 1: first come the items that followed `from` in training, by falling
  /// count (equal ones: the smaller number first), then all others by their number, which is the
  /// more popular first. 0 beyond kPlaces, and for item 0, which stands for unknown ones.
  int32_t place(int32_t from, int32_t to) const;

 private:
  struct Place {
    uint64_t pair = 0;  ///< from, to
    int32_t place = 0;
  };

  std::vector<Place>::const_iterator first_from(uint64_t pair) const;

  std::vector<uint64_t> pairs_;
  std::vector<Place> places_;  ///< sorted by pair
};

}  // namespace lockstep
