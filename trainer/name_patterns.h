// How run files speak of parameters: names with * for any characters, and numbers behind them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

/// Whether the whole name is as the pattern says.
bool name_fits(std::string_view name, std::string_view pattern);
bool fits_any(std::string_view name, const std::vector<std::string>& patterns);

/// Throws Error(config) naming `key` when a pattern fits none of the names.
void require_all_fit(const std::string& key, const std::vector<std::string>& patterns,
                     const std::vector<std::string>& names);

/// "NAME=NUMBER", as elements of a list in a run file.
struct NamedNumber {
  std::string name;
  double number = 0;
};
/// Throws Error(config) naming `key` when an element is not of that form or its number is negative.
std::vector<NamedNumber> named_numbers(const std::string& key,
                                       const std::vector<std::string>& texts);

}  // namespace lockstep
