// What is wrong with JSON that somebody else wrote, as people say it.
#pragma once

#include <exception>
#include <nlohmann/json.hpp>
#include <string>

namespace lockstep {

/// Of the JSON library's exceptions without its numbers and types: "not valid JSON at byte 7"; of
/// all others what they say.
std::string problem_text(const std::exception& problem);

/// A member that must be a text. Throws Error(corrupt): "\"text\" must be a text, not a number".
std::string text_member(const nlohmann::json& object, const std::string& key);

}  // namespace lockstep
