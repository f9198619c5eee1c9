// lockstep config: what a run file means and may say.
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "launcher/config_show.h"
#include "launcher/verbs/verbs.h"

namespace lockstep {
namespace {

int show(const RunFileOptions& options, std::ostream& out) {
  const LoadedConfig loaded = load_run_config(options.config, options.overrides);
  out << resolved_yaml(loaded.config, &loaded.origins);
  return 0;
}

int describe_defaults(std::string (*describe)(const Fields&), std::ostream& out) {
  RunConfig defaults;
  Fields fields;
  defaults.describe(fields);
  out << describe(fields);
  return 0;
}

void add_show(CLI::App& group, CommandLine& line, std::ostream& out) {
  CLI::App* verb =
      group.add_subcommand("show", "Every value of a run file, with where it comes from");
  const auto options = std::make_shared<RunFileOptions>();
  add_run_file_options(*verb, *options);
  verb->footer("Example:\n  lockstep config show configs/mnist.yaml batch.size=128");
  verb->callback(
      [&line, &out, options] { line.action = [&out, options] { return show(*options, out); }; });
}

void add_page(CLI::App& group, CommandLine& line, std::ostream& out, const std::string& name,
              const std::string& help, const std::string& example,
              std::string (*describe)(const Fields&)) {
  CLI::App* verb = group.add_subcommand(name, help);
  verb->footer("Example:\n  " + example);
  verb->callback([&line, &out, describe] {
    line.action = [&out, describe] { return describe_defaults(describe, out); };
  });
}

}  // namespace

void add_config(CLI::App& app, CommandLine& line, std::ostream& out) {
  CLI::App* group =
      app.add_subcommand("config", "Show what a run file means: show, schema, reference");
  group->require_subcommand(1);
  add_show(*group, line, out);
  add_page(*group, line, out, "schema",
           "JSON Schema of run files, for editors that check while typing",
           "lockstep config schema > run-file.schema.json", config_schema);
  add_page(*group, line, out, "reference",
           "Every key with type, default and legal values, as Markdown",
           "lockstep config reference", config_reference);
}

}  // namespace lockstep
