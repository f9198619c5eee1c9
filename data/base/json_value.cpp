#include "data/base/json_value.h"

#include <cmath>

#include "data/base/error.h"

namespace lockstep {

nlohmann::json parse_json(std::string_view text, const std::filesystem::path& file) {
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    throw Error(ExitCode::corrupt,
                fmt::format("{}: not valid JSON at byte {}", file.string(), error.byte));
  } catch (const nlohmann::json::exception&) {
    throw Error(ExitCode::corrupt, fmt::format("{}: not valid JSON", file.string()));
  }
}

JsonValue JsonValue::member(const std::string& key) const {
  if (!value_->is_object()) fail("is not an object");
  const auto found = value_->find(key);
  if (found == value_->end()) fail(fmt::format("has no member \"{}\"", key));
  return {*found, file_, fmt::format("{}.{}", path_, key)};
}

std::vector<JsonValue> JsonValue::items() const {
  if (!value_->is_array()) fail("is not an array");
  std::vector<JsonValue> items;
  items.reserve(value_->size());
  for (const nlohmann::json& item : *value_) {
    items.emplace_back(item, file_, fmt::format("{}[{}]", path_, items.size()));
  }
  return items;
}

int64_t JsonValue::integer(int64_t minimum, int64_t maximum) const {
  if (!value_->is_number_integer()) fail("is not an integer");
  const bool too_large = value_->is_number_unsigned() &&
                         value_->get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()};
  const int64_t value = too_large ? 0 : value_->get<int64_t>();
  if (too_large || value < minimum || value > maximum) {
    fail(fmt::format("{} is out of range ({} to {})", value_->dump(), minimum, maximum));
  }
  return value;
}

double JsonValue::number() const {
  if (!value_->is_number()) fail("is not a number");
  const double value = value_->get<double>();
  if (!std::isfinite(value)) fail("is not finite");
  return value;
}

std::string JsonValue::text() const {
  if (!value_->is_string()) fail("is not a text");
  return value_->get<std::string>();
}

bool JsonValue::boolean() const {
  if (!value_->is_boolean()) fail("is neither true nor false");
  return value_->get<bool>();
}

void JsonValue::fail(const std::string& problem) const {
  throw Error(ExitCode::corrupt, fmt::format("{}: {}: {}", file_, path_, problem));
}

}  // namespace lockstep
