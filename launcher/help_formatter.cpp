#include "launcher/help_formatter.h"

#include <fmt/format.h>

#include <sstream>

namespace lockstep {
namespace {

constexpr size_t kColumns = 100;
constexpr size_t kHelpColumn = 28;

std::string full_name(const CLI::App* app) {
  return app->get_parent() == nullptr ? app->get_name()
                                      : full_name(app->get_parent()) + " " + app->get_name();
}

/// CLI11 appends what validators say of themselves ("RANKS:INT in [1 - 9]").
std::string value_name(const CLI::Option* option) {
  const std::string name = option->get_type_name();
  return name.substr(0, name.find(':'));
}

std::string entry(const std::string& name, const std::string& help) {
  const bool fits = name.size() + 4 <= kHelpColumn;
  const std::string first = fits ? fmt::format("  {:<{}}", name, kHelpColumn - 2)
                                 : fmt::format("  {}\n{:{}}", name, "", kHelpColumn);
  return first + wrapped(help, kHelpColumn) + "\n";
}

}  // namespace

std::string wrapped(const std::string& text, size_t indent) {
  std::istringstream words(text);
  std::string word;
  std::string lines;
  size_t column = indent;
  while (words >> word) {
    if (column > indent && column + 1 + word.size() > kColumns) {
      lines += fmt::format("\n{:{}}", "", indent);
      column = indent;
    } else if (column > indent) {
      lines += ' ';
      ++column;
    }
    lines += word;
    column += word.size();
  }
  return lines;
}

std::string HelpFormatter::make_usage(const CLI::App* app, std::string) const {
  return CLI::Formatter::make_usage(app, full_name(app));
}

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
  std::string name = is_positional ? option->get_name(true) : option->get_name(false, true);
  if (const size_t comma = name.find(','); comma != std::string::npos) name.insert(comma + 1, " ");
  const bool takes_value = option->get_type_size() != 0;
  if (takes_value && !is_positional) name += " " + value_name(option);
  std::string help = option->get_description();
  const std::string standard = option->get_default_str();
  if (option->get_required() && !is_positional) help += " (required)";
  if (takes_value && !standard.empty() && standard != "\"\"")
    help += fmt::format(" (default: {})", standard);
  return entry(name, help);
}

std::string HelpFormatter::make_subcommands(const CLI::App* app, CLI::AppFormatMode) const {
  std::string list;
  for (const CLI::App* verb : app->get_subcommands({})) {
    list += entry(verb->get_name(), verb->get_description());
  }
  return list.empty() ? list : "\nCommands:\n" + list;
}

}  // namespace lockstep
