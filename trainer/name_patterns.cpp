#include "trainer/name_patterns.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "data/base/error.h"

namespace lockstep {

/// Goes back to the last * only: the texts between stars are found one after the other.
bool name_fits(std::string_view name, std::string_view pattern) {
  size_t n = 0, p = 0, star = std::string_view::npos, behind_star = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      behind_star = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++n, ++p;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++behind_star;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool fits_any(std::string_view name, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return name_fits(name, pattern); });
}

void require_all_fit(const std::string& key, const std::vector<std::string>& patterns,
                     const std::vector<std::string>& names) {
  for (const std::string& pattern : patterns) {
    const bool fits = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return name_fits(name, pattern);
    });
    if (fits) continue;
    throw Error(ExitCode::config,
                fmt::format("{}: no parameter fits the pattern \"{}\"", key, pattern),
                fmt::format("the model has {}", fmt::join(names, ", ")));
  }
}

std::vector<NamedNumber> named_numbers(const std::string& key,
                                       const std::vector<std::string>& texts) {
  std::vector<NamedNumber> all;
  for (const std::string& text : texts) {
    const size_t sign = text.rfind('=');
    NamedNumber entry{text.substr(0, sign), 0};
    const char* end = text.data() + text.size();
    const char* begin = sign == std::string::npos ? end : text.data() + sign + 1;
    const auto [stopped, problem] = std::from_chars(begin, end, entry.number);
    const bool legal = problem == std::errc{} && stopped == end && std::isfinite(entry.number) &&
                       entry.number >= 0 && !entry.name.empty();
    if (!legal) {
      throw Error(ExitCode::config, fmt::format("{}: \"{}\" is not NAME=NUMBER", key, text),
                  "for example [\"embedding*=0.1\"]; the number must not be negative");
    }
    all.push_back(std::move(entry));
  }
  return all;
}

}  // namespace lockstep
