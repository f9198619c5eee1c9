// Fields of records that are lines of JSON, named by dotted paths.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace lockstep {

/// The value at `path`; null when there is none.
const nlohmann::json* find_json_field(const nlohmann::json& record, const std::string& path);

/// The value at `path` ("review.text": the member "text" of the member "review") as text: a text as
/// it is, a number or true and false as JSON writes them, the elements of a list with `separator`
/// between them. Throws Error(corrupt) when there is none or it is something else.
std::string json_field(const nlohmann::json& record, const std::string& path,
                       const std::string& separator);

}  // namespace lockstep
