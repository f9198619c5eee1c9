#include "launcher/config_show.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <type_traits>

namespace lockstep {
namespace {

using nlohmann::ordered_json;

constexpr size_t kOriginColumn = 44;

std::string section_of(const std::string& path) {
  const size_t dot = path.rfind('.');
  return dot == std::string::npos ? std::string() : path.substr(0, dot);
}

std::string name_of(const std::string& path) {
  return path.substr(path.rfind('.') + 1);
}

size_t depth_of(const std::string& path) {
  return static_cast<size_t>(std::count(path.begin(), path.end(), '.'));
}

/// Writes the headings that lead from `from` into the section of `path`.
void open_sections(const std::string& from, const std::string& path, std::string& text) {
  if (path.empty() || path == from || from.rfind(path + ".", 0) == 0) return;
  open_sections(from, section_of(path), text);
  text += fmt::format("{:{}}{}:\n", "", 2 * depth_of(path), name_of(path));
}

ordered_json type_schema(const Field& field) {
  const auto scalar = [](const std::string& name) { return name == "text" ? "string" : name; };
  const std::string type = field.type_name();
  constexpr std::string_view kList = "list of ";
  if (type.rfind(kList, 0) != 0) return {{"type", scalar(type)}};
  return {{"type", "array"}, {"items", {{"type", scalar(type.substr(kList.size()))}}}};
}

void add_bound(ordered_json& schema, double bound, const char* name) {
  if (!std::isfinite(bound)) return;
  const bool whole = bound == std::floor(bound) && std::abs(bound) < 9e15;
  whole ? schema[name] = static_cast<int64_t>(bound) : schema[name] = bound;
}

ordered_json field_schema(const Field& field) {
  ordered_json schema = type_schema(field);
  ordered_json& value = schema.contains("items") ? schema["items"] : schema;
  add_bound(value, field.minimum, field.minimum_is_legal ? "minimum" : "exclusiveMinimum");
  add_bound(value, field.maximum, field.maximum_is_legal ? "maximum" : "exclusiveMaximum");
  if (!field.choices.empty()) value["enum"] = field.choices;
  schema["default"] =
      std::visit([](const auto* target) { return ordered_json(*target); }, field.target);
  schema["description"] =
      field.unit_name.empty() ? field.help : fmt::format("{} [{}]", field.help, field.unit_name);
  return schema;
}

ordered_json object_schema() {
  return {
      {"type", "object"}, {"additionalProperties", false}, {"properties", ordered_json::object()}};
}

/// The schema of the section at `path`, made on the way when it is not there yet.
ordered_json& section_schema(ordered_json& root, const std::string& path) {
  if (path.empty()) return root;
  ordered_json& parent = section_schema(root, section_of(path))["properties"];
  const std::string name = name_of(path);
  if (!parent.contains(name)) parent[name] = object_schema();
  return parent[name];
}

/// Markdown cells cannot hold a bar.
std::string cell(std::string text) {
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2)
    text.insert(at, "\\");
  return text;
}

std::string reference_row(const Field& field) {
  std::string range = field.range_text();
  if (!field.choices.empty())
    range = fmt::format("{}", range.substr(std::string("one of: ").size()));
  return fmt::format("| `{}` | {} | `{}` | {} | {} | {} | {} |\n", field.path, field.type_name(),
                     field.value_text(), cell(range), field.unit_name,
                     field.may_change_on_resume ? "yes" : "no", cell(field.help));
}

std::string reference_table(const Fields& fields, const std::string& section) {
  std::string rows;
  for (const Field& field : fields.all()) {
    if (section_of(field.path) == section) rows += reference_row(field);
  }
  if (rows.empty()) return rows;
  return "| key | type | default | legal values | unit | may change on resume | meaning |\n"
         "|---|---|---|---|---|---|---|\n" +
         rows + "\n";
}

}  // namespace

std::string resolved_yaml(const Fields& fields, const ConfigOrigins* origins) {
  std::string text;
  std::string section;
  for (const Field& field : fields.all()) {
    const std::string here = section_of(field.path);
    open_sections(section, here, text);
    section = here;
    std::string line = fmt::format("{:{}}{}: {}", "", 2 * depth_of(field.path), name_of(field.path),
                                   field.value_text());
    if (origins != nullptr) {
      line = fmt::format("{:<{}}  # {}", line, kOriginColumn, origins->at(field.path));
    }
    text += line + "\n";
  }
  return text;
}

std::string resolved_yaml(const RunConfig& config, const ConfigOrigins* origins) {
  RunConfig copy = config;
  Fields fields;
  copy.describe(fields);
  return resolved_yaml(fields, origins);
}

std::string config_schema(const Fields& fields) {
  ordered_json root = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                       {"title", "Lockstep run file"}};
  root.update(object_schema());
  for (const FieldSection& section : fields.sections()) {
    section_schema(root, section.path)["description"] = section.help;
  }
  for (const Field& field : fields.all()) {
    section_schema(root, section_of(field.path))["properties"][name_of(field.path)] =
        field_schema(field);
  }
  return root.dump(2) + "\n";
}

std::string config_reference(const Fields& fields) {
  std::string text =
      "# Configuration reference\n\n"
      "Every key of a run file, its type, default and legal values; printed by\n"
      "`lockstep config reference`. A key that is left out has its default. On the command line a\n"
      "value is set by its full name: `lockstep train configs/mnist.yaml batch.size=128`.\n\n"
      "A run can be continued with another value only where the table says so.\n\n";
  text += "## General\n\n" + reference_table(fields, "");
  for (const FieldSection& section : fields.sections()) {
    text += fmt::format("## {}\n\n{}\n\n", section.path, section.help + ".");
    text += reference_table(fields, section.path);
  }
  return text;
}

}  // namespace lockstep
