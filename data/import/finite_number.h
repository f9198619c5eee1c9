// Numbers in the fields of tables and lists.
#pragma once

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

namespace lockstep {

/// The number that the whole text is, in any form that std::from_chars reads; nothing when it is
/// something else, not finite, or too large.
template <class Number>
std::optional<Number> finite_number(std::string_view text) {
  Number number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, problem] = std::from_chars(text.data(), end, number);
  if (problem != std::errc{} || rest != end || !std::isfinite(number)) return std::nullopt;
  return number;
}

}  // namespace lockstep
