#include "data/base/fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <type_traits>

namespace lockstep {
namespace {

std::string text_of(bool value) {
  return value ? "true" : "false";
}
std::string text_of(int64_t value) {
  return std::to_string(value);
}

std::string text_of(double value) {
  if (std::isnan(value)) return ".nan";
  if (std::isinf(value)) return value > 0 ? ".inf" : "-.inf";
  return fmt::format("{}", value);  // shortest text that reads back to the same double
}

/// Double-quoted YAML (a superset of JSON strings), so that any text survives.
std::string text_of(const std::string& value) {
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      quoted += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

template <class T>
std::string text_of(const std::vector<T>& values) {
  std::string text = "[";
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) text += ", ";
    text += text_of(static_cast<const T&>(values[i]));
  }
  return text + "]";
}

template <class T>
struct TypeName;
template <>
struct TypeName<bool> {
  static constexpr const char* value = "boolean";
};
template <>
struct TypeName<int64_t> {
  static constexpr const char* value = "integer";
};
template <>
struct TypeName<double> {
  static constexpr const char* value = "number";
};
template <>
struct TypeName<std::string> {
  static constexpr const char* value = "text";
};
template <class T>
struct TypeName<std::vector<T>> {
  static constexpr const char* value = std::is_same_v<T, int64_t>  ? "list of integer"
                                       : std::is_same_v<T, double> ? "list of number"
                                                                   : "list of text";
};

/// Calls `check` for each number the field holds (one, or each of a list).
template <class Check>
bool every_number(const FieldTarget& target, Check check) {
  return std::visit(
      [&](const auto* value) {
        using T = std::remove_cvref_t<decltype(*value)>;
        if constexpr (std::is_same_v<T, int64_t> || std::is_same_v<T, double>) {
          return check(static_cast<double>(*value));
        } else if constexpr (std::is_same_v<T, std::vector<int64_t>> ||
                             std::is_same_v<T, std::vector<double>>) {
          return std::all_of(value->begin(), value->end(),
                             [&](auto v) { return check(static_cast<double>(v)); });
        } else {
          return true;
        }
      },
      target);
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t substitute = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substitute, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string Field::type_name() const {
  return std::visit(
      [](const auto* value) {
        return std::string(TypeName<std::remove_cvref_t<decltype(*value)>>::value);
      },
      target);
}

std::string Field::value_text() const {
  return std::visit([](const auto* value) { return text_of(*value); }, target);
}

std::string Field::range_text() const {
  if (!choices.empty()) return fmt::format("one of: {}", fmt::join(choices, ", "));
  std::string text;
  if (std::isfinite(minimum)) {
    text += fmt::format("{} {} ", text_of(minimum), minimum_is_legal ? "<=" : "<");
  }
  const bool bounded = std::isfinite(minimum) || std::isfinite(maximum);
  if (bounded) text += "value";
  if (std::isfinite(maximum)) {
    text += fmt::format(" {} {}", maximum_is_legal ? "<=" : "<", text_of(maximum));
  }
  return text;
}

bool Field::legal(std::string& problem) const {
  const auto in_range = [&](double v) {
    return std::isfinite(v) && (minimum_is_legal ? v >= minimum : v > minimum) &&
           (maximum_is_legal ? v <= maximum : v < maximum);
  };
  if (!every_number(target, in_range)) {
    const std::string range = range_text();
    problem = fmt::format("{} is out of range ({})", value_text(),
                          range.empty() ? "a finite number is needed" : range);
    return false;
  }
  const auto* text = std::get_if<std::string*>(&target);
  if (text != nullptr && !choices.empty() &&
      std::find(choices.begin(), choices.end(), **text) == choices.end()) {
    const std::string near = nearest_name(**text, choices);
    problem = fmt::format("\"{}\" is none of the choices ({}){}", **text, fmt::join(choices, ", "),
                          near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
    return false;
  }
  return true;
}

const Field* Fields::find(std::string_view path) const {
  const auto found = std::find_if(fields_.begin(), fields_.end(),
                                  [&](const Field& field) { return field.path == path; });
  return found == fields_.end() ? nullptr : &*found;
}

std::string nearest_name(std::string_view word, const std::vector<std::string>& names) {
  std::string best;
  size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string& name : names) {
    const size_t distance = edit_distance(word, name);
    if (distance < best_distance) {
      best_distance = distance;
      best = name;
    }
  }
  return best;
}

}  // namespace lockstep
