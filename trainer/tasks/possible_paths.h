// Paths through a map, written of possible moves only.
#pragma once

#include <vector>

#include "trainer/model/beam_search.h"
#include "trainer/tasks/grid_world.h"

namespace lockstep {

/// Between a search and the writer of paths: what leads into a wall, out of the map or to a cell
/// where the path has been has no probability, and a path ends at the goal and nowhere else.
class PossiblePaths : public BeamModel {
 public:
  /// A map for each source. `end` is the symbol of a path's end; 0 to 3 are moves.
  PossiblePaths(BeamModel& writer, std::vector<GridWorld> maps, int64_t beam_size, int64_t end);

  torch::Tensor next(const torch::Tensor& symbols_N) override;
  void select(const torch::Tensor& texts, const torch::Tensor& sources) override;

 private:
  struct Path {
    const GridWorld* map = nullptr;
    std::vector<int64_t> cells;  ///< from the start on
  };

  static void walk(Path& path, int64_t symbol);
  bool is_possible(const Path& path, int64_t symbol) const;

  BeamModel& writer_;
  std::vector<GridWorld> maps_;
  int64_t end_;
  std::vector<Path> paths_;  ///< one for each text
};

}  // namespace lockstep
