// One description of a configuration struct, used by everything that reads, shows or documents it.
//
// A struct lists its members once:
//
//   struct OptimizerConfig {
//     std::string kind = "adam";
//     double learning_rate = 1e-3;
//     void describe(Fields& fields) {
//       fields.add("kind", kind, "update rule").one_of({"adam", "sgd"});
//       fields.add("learning_rate", learning_rate, "step size").more_than(0);
//     }
//   };
//
// The YAML reader, `key=value` overrides, `config show`, the JSON Schema and the reference page
// walk this list; nothing else knows the names.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace lockstep {

/// Where a field's value lives. The pointee's value at description time is the default.
using FieldTarget = std::variant<bool*, int64_t*, double*, std::string*, std::vector<int64_t>*,
                                 std::vector<double>*, std::vector<std::string>*>;

/// A field's name, place, help and legal values.
class Field {
 public:
  Field(std::string field_path, FieldTarget field_target, std::string_view help_text)
      : path(std::move(field_path)), target(field_target), help(help_text) {}

  Field& at_least(double bound) { return minimum = bound, minimum_is_legal = true, *this; }
  Field& more_than(double bound) { return minimum = bound, minimum_is_legal = false, *this; }
  Field& at_most(double bound) { return maximum = bound, maximum_is_legal = true, *this; }
  Field& less_than(double bound) { return maximum = bound, maximum_is_legal = false, *this; }
  Field& one_of(std::vector<std::string> names) { return choices = std::move(names), *this; }
  Field& unit(std::string_view name) { return unit_name = name, *this; }
  /// The value may differ between a run and its continuation (logging, paths, length of training).
  Field& may_change() { return may_change_on_resume = true, *this; }

  std::string path;  ///< dotted, as in `batch.size`
  FieldTarget target;
  std::string help;
  std::string unit_name;
  std::vector<std::string> choices;
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  bool minimum_is_legal = true;
  bool maximum_is_legal = true;
  bool may_change_on_resume = false;

  /// "boolean", "integer", "number", "text", or "list of ..." of one of them.
  std::string type_name() const;
  /// The value now, in YAML notation that reads back to the same value.
  std::string value_text() const;
  /// The legal values in words ("0 < value <= 1", "one of: adam, sgd"); empty when all are.
  std::string range_text() const;
  /// Whether the value now is legal (range, choices, finite); the reason in `problem` if not.
  bool legal(std::string& problem) const;
};

/// A section's name and help, for headings.
struct FieldSection {
  std::string path;
  std::string help;
};

/// The fields of a configuration in the order of their description.
class Fields {
 public:
  template <class T>
  Field& add(std::string_view name, T& target, std::string_view help) {
    fields_.emplace_back(prefix_ + std::string(name), FieldTarget(&target), help);
    return fields_.back();
  }

  /// Describes a nested struct below `name`.
  template <class Section>
  void section(std::string_view name, Section& target, std::string_view help) {
    const size_t outer = prefix_.size();
    sections_.push_back({prefix_ + std::string(name), std::string(help)});
    prefix_ += std::string(name) + ".";
    target.describe(*this);
    prefix_.resize(outer);
  }

  const std::vector<Field>& all() const { return fields_; }
  const std::vector<FieldSection>& sections() const { return sections_; }
  /// Null when there is no field of that name.
  const Field* find(std::string_view path) const;

 private:
  std::string prefix_;
  std::vector<Field> fields_;
  std::vector<FieldSection> sections_;
};

/// The name in `names` with the smallest edit distance to `word`, empty when none is near.
std::string nearest_name(std::string_view word, const std::vector<std::string>& names);

}  // namespace lockstep
