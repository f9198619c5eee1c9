#include "data/generate/grid_paths.h"

#include <fmt/format.h>

#include <deque>

#include "data/generate/sequence_generator.h"

namespace lockstep {
namespace {

/// Cells are numbered row by row.
struct GridMap {
  int64_t side = 0;
  std::vector<uint8_t> walls;
  int64_t start = 0;
  int64_t goal = 0;

  /// The cell a move leads to; -1 when a wall or the border is in the way.
  int64_t after(int64_t cell, int move) const {
    const int64_t row = cell / side + (move == 0 ? -1 : move == 3 ? 1 : 0);
    const int64_t column = cell % side + (move == 1 ? -1 : move == 2 ? 1 : 0);
    if (row < 0 || row >= side || column < 0 || column >= side) return -1;
    const int64_t next = row * side + column;
    return walls[static_cast<size_t>(next)] != 0 ? -1 : next;
  }
};

constexpr int kGridMoves = 4;

/// Moves to the goal from every cell (breadth first), -1 where there is no way.
std::vector<int64_t> distances_to_goal(const GridMap& map) {
  std::vector<int64_t> distance(map.walls.size(), -1);
  std::deque<int64_t> frontier{map.goal};
  distance[static_cast<size_t>(map.goal)] = 0;
  while (!frontier.empty()) {
    const int64_t cell = frontier.front();
    frontier.pop_front();
    for (int move = 0; move < kGridMoves; ++move) {
      const int64_t next = map.after(cell, move);
      if (next < 0 || distance[static_cast<size_t>(next)] >= 0) continue;
      distance[static_cast<size_t>(next)] = distance[static_cast<size_t>(cell)] + 1;
      frontier.push_back(next);
    }
  }
  return distance;
}

class GridPathsGenerator : public SequenceGenerator {
 protected:
  void describe_own(Fields& fields) override {
    fields.add("side", side_, "cells in a row and a column").at_least(2).at_most(256);
    fields.add("walls", walls_, "share of the cells that are walls").at_least(0).at_most(0.5);
  }
  std::vector<StreamSchema> schema() override {
    return {dense_stream("inputs", ElementType::u8, 3 * side_),
            symbol_stream("moves", {"up", "left", "right", "down"})};
  }
  std::string source() const override {
    return fmt::format("paths through grids of {} by {}", side_, side_);
  }
  void make(Random random, std::vector<GeneratedStream>& streams) override {
    GridMap map;
    std::vector<int64_t> distance;
    do {
      map = random_map(random);
      distance = distances_to_goal(map);
    } while (distance[static_cast<size_t>(map.start)] <= 0);
    for (int64_t row = 0; row < side_; ++row) add_row(map, row, streams[0]);
    for (int64_t cell = map.start; cell != map.goal;) {
      int32_t move = 0;
      int64_t next = -1;
      for (;; ++move) {
        next = map.after(cell, move);
        if (next >= 0 &&
            distance[static_cast<size_t>(next)] + 1 == distance[static_cast<size_t>(cell)])
          break;
      }
      streams[1].add(move);
      cell = next;
    }
  }

 private:
  GridMap random_map(Random& random) const {
    GridMap map;
    map.side = side_;
    const auto cells = static_cast<uint64_t>(side_ * side_);
    for (uint64_t i = 0; i < cells; ++i) map.walls.push_back(random.uniform() < walls_ ? 1 : 0);
    map.start = static_cast<int64_t>(random.below(cells));
    map.goal = static_cast<int64_t>(random.below(cells));
    map.walls[static_cast<size_t>(map.start)] = 0;
    map.walls[static_cast<size_t>(map.goal)] = 0;
    return map;
  }
  void add_row(const GridMap& map, int64_t row, GeneratedStream& stream) const {
    const int64_t first = row * side_;
    for (int64_t i = 0; i < side_; ++i) stream.add(map.walls[static_cast<size_t>(first + i)]);
    for (const int64_t special : {map.start, map.goal}) {
      for (int64_t i = 0; i < side_; ++i) stream.add(static_cast<uint8_t>(first + i == special));
    }
  }

  int64_t side_ = 8;
  double walls_ = 0.3;
};

}  // namespace

DataToolEntry grid_paths_generator() {
  return {"grid-paths", "small maps with walls, and the shortest path through them", "",
          [] { return std::make_unique<GridPathsGenerator>(); }};
}

}  // namespace lockstep
