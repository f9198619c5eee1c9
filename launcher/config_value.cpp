#include "launcher/config_value.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <type_traits>

namespace lockstep {
namespace {

/// What a plain scalar stands for (YAML 1.2 core schema, without octal and hexadecimal).
enum class Plain { boolean, integer, number, not_finite, text };

std::string_view unsigned_part(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return text;
}

bool is_number(std::string_view text) {
  const std::string_view digits = unsigned_part(text);
  if (digits.find_first_of("0123456789") == std::string_view::npos) return false;
  if (digits[0] != '.' && (digits[0] < '0' || digits[0] > '9')) return false;
  double ignored = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), ignored);
  return end == digits.data() + digits.size() && error != std::errc::invalid_argument;
}

Plain kind_of(std::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE" || text == "false" || text == "False" ||
      text == "FALSE") {
    return Plain::boolean;
  }
  const std::string_view digits = unsigned_part(text);
  if (!digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos) {
    return Plain::integer;
  }
  if (digits == ".inf" || digits == ".Inf" || digits == ".INF" || text == ".nan" ||
      text == ".NaN" || text == ".NAN") {
    return Plain::not_finite;
  }
  return is_number(text) ? Plain::number : Plain::text;
}

/// Reads the whole of `text`, which kind_of() has accepted as a number; nothing when it overflows.
template <class T>
std::optional<T> to_number(std::string_view text) {
  if (text[0] == '+') text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string read_into(bool& target, const ConfigNode& node) {
  if (node.quoted || kind_of(node.text) != Plain::boolean) {
    return fmt::format("expected boolean (true or false), found {}", describe_node(node));
  }
  target = node.text[0] == 't' || node.text[0] == 'T';
  return {};
}

std::string read_into(int64_t& target, const ConfigNode& node) {
  if (node.quoted || kind_of(node.text) != Plain::integer) {
    return fmt::format("expected integer, found {}", describe_node(node));
  }
  const auto value = to_number<int64_t>(node.text);
  if (!value) return fmt::format("{} does not fit into 64 bits", excerpt(node.text));
  target = *value;
  return {};
}

std::string read_into(double& target, const ConfigNode& node) {
  const Plain kind = node.quoted ? Plain::text : kind_of(node.text);
  if (kind == Plain::not_finite) return fmt::format("{} is not a finite number", node.text);
  if (kind != Plain::integer && kind != Plain::number) {
    return fmt::format("expected number, found {}", describe_node(node));
  }
  const auto value = to_number<double>(node.text);
  if (!value) return fmt::format("{} does not fit into a 64-bit number", excerpt(node.text));
  target = *value;
  return {};
}

std::string read_into(std::string& target, const ConfigNode& node) {
  if (!node.quoted && kind_of(node.text) != Plain::text) {
    return fmt::format("expected text, found {}; put it in quotes if it is meant as text",
                       describe_node(node));
  }
  target = node.text;
  return {};
}

template <class T>
std::string read_list(std::vector<T>& target, const ConfigNode& node) {
  for (const ConfigNode& item : node.items) {
    if (item.kind != ConfigNode::Kind::scalar) {
      return fmt::format("element {} is {}; lists hold plain values", target.size() + 1,
                         describe_node(item));
    }
    T value{};
    const std::string problem = read_into(value, item);
    if (!problem.empty()) return fmt::format("element {}: {}", target.size() + 1, problem);
    target.push_back(std::move(value));
  }
  return {};
}

template <class T>
constexpr bool kIsList = false;
template <class T>
constexpr bool kIsList<std::vector<T>> = true;

template <class T>
std::string read_node(T& value, const ConfigNode& node, const Field& field) {
  constexpr auto kWanted = kIsList<T> ? ConfigNode::Kind::list : ConfigNode::Kind::scalar;
  if (node.kind == ConfigNode::Kind::null) {
    return fmt::format("has no value; expected {} (leave the key out for the default)",
                       field.type_name());
  }
  if (node.kind != kWanted) {
    return fmt::format("expected {}, found {}", field.type_name(), describe_node(node));
  }
  if constexpr (kIsList<T>) {
    return read_list(value, node);
  } else {
    return read_into(value, node);
  }
}

}  // namespace

std::string describe_node(const ConfigNode& node) {
  switch (node.kind) {
    case ConfigNode::Kind::null:
      return "nothing";
    case ConfigNode::Kind::list:
      return "a list";
    case ConfigNode::Kind::map:
      return "a section";
    case ConfigNode::Kind::scalar:
      break;
  }
  const std::string shown = excerpt(node.text);
  switch (node.quoted ? Plain::text : kind_of(node.text)) {
    case Plain::boolean:
      return "boolean " + shown;
    case Plain::integer:
      return "integer " + shown;
    case Plain::number:
    case Plain::not_finite:
      return "number " + shown;
    case Plain::text:
      break;
  }
  return fmt::format("text \"{}\"", shown);
}

std::string assign_node(const Field& field, const ConfigNode& node) {
  return std::visit(
      [&](auto* target) {
        std::remove_cvref_t<decltype(*target)> value{};
        std::string problem = read_node(value, node, field);
        if (!problem.empty()) return problem;
        std::swap(*target, value);
        if (!field.legal(problem)) std::swap(*target, value);
        return problem;
      },
      field.target);
}

std::string assign_word(const Field& field, std::string_view word) {
  ConfigMistakes mistakes;
  ConfigNode node;
  if (std::holds_alternative<std::string*>(field.target)) {
    if (!is_utf8(word)) return "not UTF-8 text";
    node.kind = ConfigNode::Kind::scalar;
    node.quoted = true;
    node.text = word;
  } else {
    node = parse_config_document(word, mistakes);
  }
  return mistakes.list().empty() ? assign_node(field, node) : mistakes.list().front().message;
}

}  // namespace lockstep
