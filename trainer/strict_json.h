// JSON from files that may be damaged or hostile.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace lockstep {

/// Parses all of `text`. Throws Error(corrupt) naming `origin` when it is not JSON, repeats a key
/// in an object, or nests deeper than `max_depth` (what is parsed can then be walked recursively).
nlohmann::json parse_strict_json(std::string_view text, const std::string& origin, int max_depth);

}  // namespace lockstep
