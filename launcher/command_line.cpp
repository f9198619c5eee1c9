#include "launcher/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "data/base/error.h"
#include "data/base/fields.h"
#include "launcher/help_formatter.h"
#include "launcher/ranks.h"
#include "launcher/verbs/verbs.h"

namespace lockstep {
namespace {

std::string exit_code_help() {
  std::string text = "Exit codes:\n";
  for (int code = 0; code < 128; ++code) {
    const std::string_view meaning = describe(static_cast<ExitCode>(code));
    if (meaning != "unknown") text += fmt::format("  {:<4}{}\n", code, meaning);
  }
  return text;
}

void describe_program(CLI::App& app, CommandLine& line, std::ostream& out) {
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "Print help, also that of a command: lockstep train --help");
  const auto formatter = std::make_shared<HelpFormatter>();
  formatter->label("SUBCOMMAND", "COMMAND");
  app.formatter(formatter);  // before the verbs, which inherit it
  add_train(app, line, out);
  add_evaluate(app, line, out);
  add_predict(app, line, out);
  add_monitor(app, line, out);
  add_data(app, line, out);
  add_bench(app, line, out);
  add_config(app, line, out);
  add_doctor(app, line, out);
  add_version(app, line, out);
  app.footer(
      "Examples:\n"
      "  lockstep data generate digits --out datasets/digits\n"
      "  lockstep train configs/quickstart.yaml -n 2\n"
      "  lockstep evaluate runs/quickstart\n\n" +
      exit_code_help());
}

std::vector<CLI::App*> verbs_of(CLI::App& app) {
  return app.get_subcommands([](CLI::App*) { return true; });
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& names) {
  const std::string near = nearest_name(word, names);
  return near.empty() ? std::string() : fmt::format("; did you mean \"{}\"?", near);
}

/// The verb that the words lead to. Throws Error(usage) for a word that names none where one must
/// stand.
CLI::App& chosen_verb(CLI::App& app, const std::vector<std::string>& words, std::string& path) {
  CLI::App* verb = &app;
  for (const std::string& word : words) {
    std::vector<std::string> names;
    CLI::App* next = nullptr;
    for (CLI::App* candidate : verbs_of(*verb)) {
      names.push_back(candidate->get_name());
      if (candidate->get_name() == word) next = candidate;
    }
    if (names.empty() || (!word.empty() && word[0] == '-')) break;
    if (next == nullptr) {
      throw Error(ExitCode::usage,
                  fmt::format("\"{} {}\" is no command{}", path, word, did_you_mean(word, names)),
                  fmt::format("there are: {}", fmt::join(names, ", ")));
    }
    verb = next;
    path += " " + word;
  }
  return *verb;
}

/// Throws Error(usage) when the words end before they name a whole command.
void refuse_missing_verb(CLI::App& verb, const std::string& path) {
  std::vector<std::string> names;
  for (const CLI::App* next : verbs_of(verb)) names.push_back(next->get_name());
  if (names.empty()) return;
  throw Error(ExitCode::usage, fmt::format("{} needs one of: {}", path, fmt::join(names, ", ")),
              fmt::format("`{} --help` tells what they do", path));
}

/// Throws Error(usage) for the first word that looks like an option and is none of the verb's.
void refuse_unknown_options(const CLI::App& verb, const std::vector<std::string>& words,
                            const std::string& path) {
  std::vector<std::string> names;
  for (const CLI::Option* option : verb.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  for (const std::string& word : words) {
    if (word == "--") return;
    const std::string name = word.substr(0, word.find('='));
    if (word.rfind("--", 0) != 0 || std::find(names.begin(), names.end(), name) != names.end())
      continue;
    throw Error(ExitCode::usage,
                fmt::format("unknown option {}{}", name, did_you_mean(name, names)),
                fmt::format("`{} --help` lists the options", path));
  }
}

int parse_and_run(const std::vector<std::string>& words, std::ostream& out, std::ostream& errors) {
  CLI::App app("Lockstep trains LSTM networks data-parallel on CPUs and GPUs.", "lockstep");
  CommandLine line{words, {}};
  describe_program(app, line, out);
  if (words.empty()) {
    errors << app.help();
    return static_cast<int>(ExitCode::usage);
  }
  if (words.front() == "--version") return run_command_line({"version"}, out, errors);
  std::string path = "lockstep";
  CLI::App& verb = chosen_verb(app, words, path);
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::CallForHelp&) {
    out << verb.help();
    return 0;
  } catch (const CLI::ParseError& error) {
    refuse_missing_verb(verb, path);
    refuse_unknown_options(verb, words, path);
    throw Error(ExitCode::usage, error.what(),
                fmt::format("`{} --help` tells how to use it", path));
  }
  return line.action();
}

/// Ranks that fail before they have met fail alike; one of them speaks.
void tell(std::ostream& errors, const std::string& message) {
  if (rank_by_environment() == 0) errors << "lockstep: " << message << std::endl;
}

}  // namespace

int run_command_line(const std::vector<std::string>& words, std::ostream& out,
                     std::ostream& errors) {
  try {
    return parse_and_run(words, out, errors);
  } catch (const Error& error) {
    tell(errors, error.full_text());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    tell(errors, error.what());
    return static_cast<int>(ExitCode::bug);
  }
}

}  // namespace lockstep
