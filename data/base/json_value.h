// Reads JSON that somebody else may have written: every access is checked, and a problem is told
// with the file and the path of the value ("manifest.json: $.splits[1].shards[0].bytes: ...").
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

/// Parses a whole document. Throws Error(corrupt) with the place when it is not valid JSON.
nlohmann::json parse_json(std::string_view text, const std::filesystem::path& file);

/// One value of a parsed document, which must outlive it. All accesses throw Error(corrupt).
class JsonValue {
 public:
  JsonValue(const nlohmann::json& value, const std::filesystem::path& file, std::string path = "$")
      : value_(&value), file_(file.string()), path_(std::move(path)) {}

  /// A member that must be there.
  JsonValue member(const std::string& key) const;
  bool has(const std::string& key) const { return value_->is_object() && value_->contains(key); }
  /// The elements of an array.
  std::vector<JsonValue> items() const;

  /// An integer in [minimum, maximum].
  int64_t integer(int64_t minimum, int64_t maximum = std::numeric_limits<int64_t>::max()) const;
  /// A finite number.
  double number() const;
  std::string text() const;
  bool boolean() const;

  const std::string& path() const { return path_; }
  [[noreturn]] void fail(const std::string& problem) const;

 private:
  const nlohmann::json* value_;
  std::string file_;
  std::string path_;
};

}  // namespace lockstep
