#include "data/import/name_pattern.h"

#include <algorithm>
#include <charconv>

#include "data/base/error.h"

namespace lockstep {
namespace {

/// Longer names are not matched: std::regex recurses for every character.
constexpr size_t kMaxNameBytes = 4096;

std::string escaped(char c) {
  return std::string("\\^$.|?*+()[]{}").find(c) == std::string::npos ? std::string(1, c)
                                                                     : std::string{'\\', c};
}

std::optional<int64_t> integer_of(const std::string& text) {
  int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

[[noreturn]] void fail_pattern(const std::string& pattern, const std::string& problem) {
  throw Error(ExitCode::usage, fmt::format("the pattern \"{}\" {}", pattern, problem),
              "for example {label}_{group}_{index}.wav");
}

}  // namespace

NamePattern::NamePattern(const std::string& pattern) : text_(pattern) {
  std::string expression;
  for (size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] != '{') {
      expression += escaped(pattern[at]);
      continue;
    }
    const size_t end = pattern.find('}', at);
    if (end == std::string::npos) fail_pattern(pattern, "has a brace that does not close");
    const std::string field = pattern.substr(at + 1, end - at - 1);
    const bool letters = !field.empty() && std::all_of(field.begin(), field.end(),
                                                       [](char c) { return c >= 'a' && c <= 'z'; });
    if (!letters) fail_pattern(pattern, "has a field that is not lower-case letters");
    if (has(field)) fail_pattern(pattern, fmt::format("has {{{}}} twice", field));
    fields_.push_back(field);
    expression += "(.+?)";
    at = end;
  }
  if (fields_.empty()) fail_pattern(pattern, "has no field");
  regex_ = std::regex(expression);
}

bool NamePattern::has(const std::string& field) const {
  return std::find(fields_.begin(), fields_.end(), field) != fields_.end();
}

std::optional<NameFields> NamePattern::match(const std::string& name) const {
  std::smatch groups;
  if (name.size() > kMaxNameBytes || !std::regex_match(name, groups, regex_)) return std::nullopt;
  NameFields fields;
  for (size_t i = 0; i < fields_.size(); ++i) fields[fields_[i]] = groups[i + 1].str();
  return fields;
}

FieldCondition::FieldCondition(const std::string& flag, const std::string& condition,
                               const NamePattern& pattern) {
  static const std::regex form("([a-z]+)(<=|>=|!=|<|>|=)(.+)");
  std::smatch groups;
  if (!std::regex_match(condition, groups, form)) {
    throw Error(ExitCode::usage, fmt::format("{}: \"{}\" is no condition", flag, condition),
                "for example index<5 or group=theo");
  }
  field_ = groups[1];
  comparison_ = groups[2];
  value_ = groups[3];
  if (!pattern.has(field_)) {
    throw Error(ExitCode::usage, fmt::format("{}: the pattern \"{}\" has no field {{{}}}", flag,
                                             pattern.text(), field_));
  }
  if (comparison_ == "=" || comparison_ == "!=") return;
  const std::optional<int64_t> number = integer_of(value_);
  if (!number) {
    throw Error(ExitCode::usage, fmt::format("{}: \"{}\" is no integer", flag, value_));
  }
  number_ = *number;
}

bool FieldCondition::holds(const NameFields& fields) const {
  const std::string& text = fields.at(field_);
  if (comparison_ == "=") return text == value_;
  if (comparison_ == "!=") return text != value_;
  const std::optional<int64_t> number = integer_of(text);
  if (!number) {
    throw Error(ExitCode::corrupt, fmt::format("{{{}}} is \"{}\", no integer", field_, text));
  }
  if (comparison_ == "<") return *number < number_;
  if (comparison_ == "<=") return *number <= number_;
  return comparison_ == ">" ? *number > number_ : *number >= number_;
}

}  // namespace lockstep
