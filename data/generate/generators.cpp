// The list of generators: one line each.
#include "data/data_tool.h"
#include "data/generate/digits.h"

namespace lockstep {

const std::vector<DataToolEntry>& generators() {
  static const std::vector<DataToolEntry> list{
      digits_generator(),
  };
  return list;
}

}  // namespace lockstep
