#include "data/base/json_problem.h"

#include "data/base/error.h"

namespace lockstep {

namespace {

/// "null", "a number", "an array".
std::string kind_of_value(const nlohmann::json& value) {
  if (value.is_null()) return "null";
  const std::string name = value.type_name();
  return (name == "array" || name == "object" ? "an " : "a ") + name;
}

}  // namespace

std::string problem_text(const std::exception& problem) {
  std::string text = problem.what();
  if (const auto* parsing = dynamic_cast<const nlohmann::json::parse_error*>(&problem)) {
    return text.find("UTF-8") != std::string::npos
               ? fmt::format("byte {} is not UTF-8", parsing->byte)
               : fmt::format("not valid JSON at byte {}", parsing->byte);
  }
  if (dynamic_cast<const nlohmann::json::exception*>(&problem) == nullptr) return text;
  // "[json.exception.type_error.302] type must be string, but is number"
  const size_t end = text.find("] ");
  const std::string plain = end == std::string::npos ? text : text.substr(end + 2);
  const bool is_type = dynamic_cast<const nlohmann::json::type_error*>(&problem) != nullptr;
  return is_type ? "a value is of another kind: " + plain : plain;
}

std::string text_member(const nlohmann::json& object, const std::string& key) {
  const auto found = object.find(key);
  if (found == object.end()) {
    throw Error(ExitCode::corrupt, fmt::format("\"{}\" is missing", key));
  }
  if (found->is_string()) return found->get<std::string>();
  throw Error(ExitCode::corrupt,
              fmt::format("\"{}\" must be a text, not {}", key, kind_of_value(*found)));
}

}  // namespace lockstep
