#include "trainer/tasks/grid_world.h"

#include <cstdlib>

namespace lockstep {

GridWorld GridWorld::from_rows(const float* values, int64_t rows, int64_t columns) {
  GridWorld world{rows, columns, {}, 0, 0};
  for (int64_t row = 0; row < rows; ++row) {
    const float* parts = values + row * 3 * columns;
    for (int64_t column = 0; column < columns; ++column) {
      const int64_t cell = row * columns + column;
      world.walls.push_back(parts[column] > 0.5F ? 1 : 0);
      if (parts[columns + column] > 0.5F) world.start = cell;
      if (parts[2 * columns + column] > 0.5F) world.goal = cell;
    }
  }
  return world;
}

int64_t GridWorld::after(int64_t cell, int64_t move) const {
  const int64_t row = cell / columns + (move == 0 ? -1 : move == 3 ? 1 : 0);
  const int64_t column = cell % columns + (move == 1 ? -1 : move == 2 ? 1 : 0);
  if (row < 0 || row >= rows || column < 0 || column >= columns) return -1;
  const int64_t next = row * columns + column;
  return walls[static_cast<size_t>(next)] != 0 ? -1 : next;
}

std::vector<int64_t> GridWorld::follow(const std::vector<int64_t>& moves) const {
  std::vector<int64_t> cells{start};
  for (const int64_t move : moves) {
    const int64_t next = after(cells.back(), move);
    if (next < 0) break;
    cells.push_back(next);
  }
  return cells;
}

bool GridWorld::reaches_goal(const std::vector<int64_t>& moves) const {
  const std::vector<int64_t> cells = follow(moves);
  return cells.size() == moves.size() + 1 && cells.back() == goal;
}

std::vector<int64_t> GridWorld::straight_moves() const {
  const int64_t down = goal / columns - start / columns;
  const int64_t right = goal % columns - start % columns;
  std::vector<int64_t> moves(static_cast<size_t>(std::abs(down)), down < 0 ? 0 : 3);
  moves.insert(moves.end(), static_cast<size_t>(std::abs(right)), right < 0 ? 1 : 2);
  return moves;
}

double GridWorld::random_walk_arrives(int64_t moves) const {
  std::vector<double> here(walls.size());
  here[static_cast<size_t>(start)] = 1;
  for (int64_t i = 0; i < moves; ++i) {
    std::vector<double> then(walls.size());
    for (int64_t cell = 0; cell < rows * columns; ++cell) {
      const double probability = here[static_cast<size_t>(cell)];
      if (probability == 0) continue;
      std::vector<int64_t> ways;
      for (int64_t move = 0; move < kGridMoveNames; ++move) {
        if (const int64_t next = after(cell, move); next >= 0) ways.push_back(next);
      }
      if (cell == goal || ways.empty()) ways = {cell};  // who has arrived stays
      for (const int64_t next : ways) {
        then[static_cast<size_t>(next)] += probability / static_cast<double>(ways.size());
      }
    }
    here = std::move(then);
  }
  return here[static_cast<size_t>(goal)];
}

Picture GridWorld::picture(const std::vector<int64_t>& path) const {
  Picture picture(columns, rows, 238);
  const auto paint = [&](int64_t cell, uint8_t red, uint8_t green, uint8_t blue) {
    picture.set(cell % columns, cell / columns, red, green, blue);
  };
  for (int64_t cell = 0; cell < rows * columns; ++cell) {
    if (walls[static_cast<size_t>(cell)] != 0) paint(cell, 64, 70, 84);
  }
  for (const int64_t cell : path) paint(cell, 110, 160, 255);
  paint(start, 76, 195, 138);
  paint(goal, 220, 70, 70);
  return picture;
}

}  // namespace lockstep
