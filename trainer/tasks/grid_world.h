// Maps with walls, and what becomes of moves through them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/base/png.h"

namespace lockstep {

/// What the generator `grid-paths` writes. Moves are 0 up, 1 left, 2 right, 3 down.
struct GridWorld {
  int64_t rows = 0;
  int64_t columns = 0;
  std::vector<uint8_t> walls;  ///< [rows * columns]
  int64_t start = 0;           ///< cells are numbered row by row
  int64_t goal = 0;

  /// From the steps of an input: for each of `rows` rows which of its cells are walls, which one is
  /// the start, which one the goal; [rows, 3 * columns].
  static GridWorld from_rows(const float* values, int64_t rows, int64_t columns);

  /// The cell that a move leads to; -1 when a wall or the border is in the way.
  int64_t after(int64_t cell, int64_t move) const;
  /// The cells from the start on that moves lead to, up to the first that is not possible.
  std::vector<int64_t> follow(const std::vector<int64_t>& moves) const;
  /// Whether all moves are possible and end at the goal.
  bool reaches_goal(const std::vector<int64_t>& moves) const;
  /// From the start to the goal, down (or up) first, then sideways, whatever stands in between.
  std::vector<int64_t> straight_moves() const;
  /// The probability that a walk which takes each possible move with equal probability has come to
  /// the goal within so many moves.
  double random_walk_arrives(int64_t moves) const;
  /// The map with the cells of a path: blue, the start green, the goal red.
  Picture picture(const std::vector<int64_t>& path) const;
};

inline constexpr int64_t kGridMoveNames = 4;
inline constexpr const char* kMoveNames[kGridMoveNames] = {"up", "left", "right", "down"};

}  // namespace lockstep
