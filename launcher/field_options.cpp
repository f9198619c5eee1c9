#include "launcher/field_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "launcher/config_value.h"

namespace lockstep {
namespace {

/// How a field reads in --help: "compression level (0 <= value <= 9)".
std::string help_of(const Field& field) {
  std::string help = field.help;
  if (!field.unit_name.empty()) help += fmt::format(" [{}]", field.unit_name);
  const std::string range = field.range_text();
  return range.empty() ? help : fmt::format("{} ({})", help, range);
}

bool is_list(const Field& field) {
  return field.type_name().rfind("list", 0) == 0;
}

/// A list of texts is taken as it stands: on a command line "2" may well be one.
std::string assign_texts(const Field& field, const std::string& word) {
  auto* target = std::get<std::vector<std::string>*>(field.target);
  target->clear();
  for (size_t begin = 0; begin <= word.size();) {
    const size_t end = std::min(word.size(), word.find(',', begin));
    target->push_back(word.substr(begin, end - begin));
    begin = end + 1;
  }
  std::string problem;
  return field.legal(problem) ? "" : problem;
}

void assign(const Field& field, const std::string& flag, const std::string& word) {
  const bool texts = std::holds_alternative<std::vector<std::string>*>(field.target);
  if (texts && word.substr(0, 1) != "[") {
    const std::string wrong = assign_texts(field, word);
    if (!wrong.empty()) throw CLI::ValidationError(flag, wrong);
    return;
  }
  const std::string value = is_list(field) && word.substr(0, 1) != "[" ? "[" + word + "]" : word;
  const std::string problem = assign_word(field, value);
  if (!problem.empty()) throw CLI::ValidationError(flag, problem);
}

void add_switch(CLI::App& verb, const Field& field, const std::string& flag) {
  bool* target = std::get<bool*>(field.target);
  verb.add_flag_callback(
      flag, [target] { *target = true; }, help_of(field) + (*target ? " (as by default)" : ""));
  verb.add_flag_callback(
      "--no-" + flag.substr(2), [target] { *target = false; },
      *target ? "switch that off" : "the opposite (as by default)");
}

}  // namespace

std::string flag_name(const std::string& path) {
  std::string name = "--" + path;
  std::replace(name.begin(), name.end(), '_', '-');
  std::replace(name.begin(), name.end(), '.', '-');
  return name;
}

void add_field_options(CLI::App& verb, const Fields& fields) {
  for (const Field& field : fields.all()) {
    const std::string flag = flag_name(field.path);
    if (std::holds_alternative<bool*>(field.target)) {
      add_switch(verb, field, flag);
      continue;
    }
    CLI::Option* option = verb.add_option_function<std::string>(
        flag, [field, flag](const std::string& word) { assign(field, flag, word); },
        help_of(field));
    option->type_name(is_list(field) ? "VALUE,VALUE..." : "VALUE")->default_str(field.value_text());
  }
}

}  // namespace lockstep
