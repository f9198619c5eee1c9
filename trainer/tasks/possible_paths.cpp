// N paths, V symbols.
#include "trainer/tasks/possible_paths.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lockstep {

using torch::Tensor;

PossiblePaths::PossiblePaths(BeamModel& writer, std::vector<GridWorld> maps, int64_t beam_size,
                             int64_t end)
    : writer_(writer), maps_(std::move(maps)), end_(end) {
  for (const GridWorld& map : maps_) {
    paths_.insert(paths_.end(), static_cast<size_t>(beam_size), Path{&map, {map.start}});
  }
}

/// A search that has nothing better goes on with paths of no probability: they stay where they are.
void PossiblePaths::walk(Path& path, int64_t symbol) {
  if (symbol >= kGridMoveNames) return;
  const int64_t cell = path.map->after(path.cells.back(), symbol);
  if (cell >= 0) path.cells.push_back(cell);
}

bool PossiblePaths::is_possible(const Path& path, int64_t symbol) const {
  const bool at_goal = path.cells.back() == path.map->goal;
  if (symbol == end_) return at_goal;
  if (at_goal || symbol >= kGridMoveNames) return false;
  const int64_t cell = path.map->after(path.cells.back(), symbol);
  return cell >= 0 && std::find(path.cells.begin(), path.cells.end(), cell) == path.cells.end();
}

Tensor PossiblePaths::next(const Tensor& symbols_N) {
  Tensor next_NV = writer_.next(symbols_N).cpu().contiguous();
  auto log_probabilities = next_NV.accessor<float, 2>();
  const int64_t* symbols = symbols_N.const_data_ptr<int64_t>();
  for (size_t n = 0; n < paths_.size(); ++n) {
    if (symbols[n] != end_) walk(paths_[n], symbols[n]);
    for (int64_t symbol = 0; symbol < next_NV.size(1); ++symbol) {
      if (is_possible(paths_[n], symbol)) continue;
      log_probabilities[static_cast<int64_t>(n)][symbol] = -INFINITY;
    }
  }
  return next_NV;
}

void PossiblePaths::select(const Tensor& texts, const Tensor& sources) {
  writer_.select(texts, sources);
  std::vector<Path> kept;
  for (int64_t n = 0; n < texts.numel(); ++n) {
    kept.push_back(paths_[static_cast<size_t>(texts.const_data_ptr<int64_t>()[n])]);
  }
  paths_ = std::move(kept);
}

}  // namespace lockstep
