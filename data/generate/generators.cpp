// The list of generators: one line each.
#include "data/data_tool.h"
#include "data/generate/adding.h"
#include "data/generate/digit_strip.h"
#include "data/generate/digits.h"
#include "data/generate/grid_paths.h"
#include "data/generate/lengths.h"
#include "data/generate/moving_digits.h"
#include "data/generate/reber.h"
#include "data/generate/temporal_order.h"
#include "data/generate/tones.h"

namespace lockstep {

const std::vector<DataToolEntry>& generators() {
  static const std::vector<DataToolEntry> list{
      adding_generator(),     digit_strip_generator(),    digits_generator(),
      grid_paths_generator(), lengths_generator(),        moving_digits_generator(),
      reber_generator(),      temporal_order_generator(), tones_generator(),
  };
  return list;
}

}  // namespace lockstep
