// What the metrics of written texts and paths are made of.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "trainer/tasks/bleu.h"
#include "trainer/tasks/grid_world.h"

namespace lockstep {

/// Sums over texts.
struct WrittenCounts {
  double texts = 0, right_texts = 0;
  double symbols = 0, right_symbols = 0;  ///< of the references
  BleuCounts bleu;

  static constexpr std::array kNames = {
      "texts",     "right_texts", "symbols",           "right_symbols",  "matches_1",
      "matches_2", "matches_3",   "matches_4",         "totals_1",       "totals_2",
      "totals_3",  "totals_4",    "translation_words", "reference_words"};

  /// All but BLEU.
  void add(const std::vector<int64_t>& written, const std::vector<int64_t>& wanted);
  /// In the order of kNames.
  std::vector<double> values() const;
  static WrittenCounts from(const double* values);
};

/// Sums over maps.
struct PathCounts {
  double valid = 0, shortest = 0, random_valid = 0, random_shortest = 0, straight = 0;

  static constexpr std::array kNames = {"valid_paths", "shortest_paths", "random_walk_valid",
                                        "random_walk_shortest", "straight_valid"};

  /// `limit`: moves that a search may make.
  void add(const GridWorld& world, const std::vector<int64_t>& written,
           const std::vector<int64_t>& wanted, int64_t limit);
  /// In the order of kNames.
  std::vector<double> values() const {
    return {valid, shortest, random_valid, random_shortest, straight};
  }
};

}  // namespace lockstep
