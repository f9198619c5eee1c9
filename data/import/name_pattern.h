// What names of files and headers of sequences say of a record: "7_theo_32.wav" by the pattern
// "{label}_{group}_{index}.wav".
#pragma once

#include <map>
#include <optional>
#include <regex>
#include <string>
#include <vector>

namespace lockstep {

using NameFields = std::map<std::string, std::string>;

/// Fields are letters in braces and match one character or more, as few as will do.
class NamePattern {
 public:
  /// Throws Error(usage) when the pattern has no field, one twice, or a brace that does not close.
  explicit NamePattern(const std::string& pattern);

  bool has(const std::string& field) const;
  const std::string& text() const { return text_; }
  /// The fields of a name that matches as a whole.
  std::optional<NameFields> match(const std::string& name) const;

 private:
  std::string text_;
  std::vector<std::string> fields_;
  std::regex regex_;
};

/// "index<5", "speaker=theo": <, <=, > and >= compare integers, = and != texts.
class FieldCondition {
 public:
  /// Throws Error(usage) when it cannot be understood or names a field that the pattern lacks.
  /// `flag` is the option it came from.
  FieldCondition(const std::string& flag, const std::string& condition, const NamePattern& pattern);

  /// Throws Error(corrupt) when integers are to be compared and the field is none.
  bool holds(const NameFields& fields) const;

 private:
  std::string field_;
  std::string comparison_;
  std::string value_;
  int64_t number_ = 0;
};

}  // namespace lockstep
