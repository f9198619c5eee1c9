// How --help looks. Only for the verbs' parser; includes CLI11.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace lockstep {

/// CLI11's help with whole commands in the usage line, defaults in words and lines of at most 100
/// columns.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override;
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_subcommands(const CLI::App* app, CLI::AppFormatMode mode) const override;
};

/// `text` in lines of at most 100 columns, all but the first indented.
std::string wrapped(const std::string& text, size_t indent);

}  // namespace lockstep
