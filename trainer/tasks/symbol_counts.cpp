#include "trainer/tasks/symbol_counts.h"

#include "data/base/error.h"

namespace lockstep {
namespace {

size_t index_of_stream(const Split& split, const std::string& name) {
  for (size_t i = 0; i < split.streams().size(); ++i) {
    if (split.streams()[i].name == name) return i;
  }
  throw Error(ExitCode::config, fmt::format("the data set has no target stream \"{}\"", name));
}

}  // namespace

void visit_symbols(const Split& split, const std::string& name,
                   const std::function<void(const std::vector<int64_t>&)>& visit) {
  const size_t stream = index_of_stream(split, name);
  for (int64_t id = 0; id < split.size(); ++id) visit(split.symbols(id, stream));
}

std::vector<int64_t> count_symbols(const Split& split, const std::string& name) {
  const int64_t classes = split.streams()[index_of_stream(split, name)].num_classes;
  std::vector<int64_t> counts(static_cast<size_t>(classes));
  visit_symbols(split, name, [&](const std::vector<int64_t>& symbols) {
    for (const int64_t symbol : symbols) ++counts.at(static_cast<size_t>(symbol));
  });
  return counts;
}

}  // namespace lockstep
