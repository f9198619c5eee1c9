#include "trainer/tasks/item_names.h"

#include <utility>

#include "data/base/error.h"

namespace lockstep {

ItemNames::ItemNames(std::vector<std::string> names) : names_(std::move(names)) {
  for (int64_t i = 1; i < size(); ++i) numbers_.emplace(name_of(i), i);
}

int64_t ItemNames::number_of(const nlohmann::json& item) const {
  if (!item.is_string() && !item.is_number_integer()) {
    throw Error(ExitCode::corrupt, fmt::format("{} is no name of an item", item.dump()));
  }
  const auto found = numbers_.find(item.is_string() ? item.get<std::string>() : item.dump());
  return found == numbers_.end() ? 0 : found->second;
}

}  // namespace lockstep
