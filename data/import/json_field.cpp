#include "data/import/json_field.h"

#include <algorithm>

#include "data/base/error.h"

namespace lockstep {
namespace {

std::string json_scalar(const nlohmann::json& value, const std::string& path) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return value.dump();
  throw Error(ExitCode::corrupt,
              fmt::format("\"{}\" is neither a text, a number nor a list of them", path));
}

}  // namespace

const nlohmann::json* find_json_field(const nlohmann::json& record, const std::string& path) {
  const nlohmann::json* value = &record;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.size(), path.find('.', begin));
    const std::string name = path.substr(begin, end - begin);
    if (!value->is_object() || !value->contains(name)) return nullptr;
    value = &value->at(name);
    begin = end + 1;
  }
  return value;
}

std::string json_field(const nlohmann::json& record, const std::string& path,
                       const std::string& separator) {
  const nlohmann::json* value = find_json_field(record, path);
  if (value == nullptr) throw Error(ExitCode::corrupt, fmt::format("has no \"{}\"", path));
  if (!value->is_array()) return json_scalar(*value, path);
  std::string text;
  for (const nlohmann::json& item : *value) {
    text += (text.empty() ? "" : separator) + json_scalar(item, path);
  }
  return text;
}

}  // namespace lockstep
