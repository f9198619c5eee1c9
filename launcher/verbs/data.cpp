// lockstep data: making, looking at and checking data set folders.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "data/base/error.h"
#include "data/data_tool.h"
#include "data/import/rejections.h"
#include "data/inspect.h"
#include "data/manifest.h"
#include "data/staged_folder.h"
#include "launcher/field_options.h"
#include "launcher/progress_bar.h"
#include "launcher/verbs/verbs.h"

namespace lockstep {
namespace {

using nlohmann::ordered_json;

/// An importer or generator while its command line is parsed.
struct ToolRun {
  explicit ToolRun(const DataToolEntry& entry) : tool(entry.make()) { tool->describe(fields); }
  std::unique_ptr<DataTool> tool;
  Fields fields;
  std::vector<std::filesystem::path> sources;
  std::filesystem::path out;
};

/// Does `work` while a progress bar shows how far it is.
void with_progress(const std::function<void(const Progress&)>& work) {
  ProgressBar bar(std::cerr, ::isatty(STDERR_FILENO) == 1);
  work([&](const std::string& what, int64_t done, int64_t total, const std::string& unit) {
    bar.update(what, done, total, unit);
  });
}

int run_tool(ToolRun& run, std::ostream& out) {
  require_free(run.out);  // before the minutes that learning a vocabulary may take
  with_progress([&](const Progress& progress) { run.tool->run(run.sources, run.out, progress); });
  const Manifest manifest = read_manifest(run.out);
  for (const SplitInfo& split : manifest.splits) {
    out << fmt::format("{}: {} sequences in {} shard{}\n", split.name, split.sequences,
                       split.shards.size(), split.shards.size() == 1 ? "" : "s");
  }
  for (const std::string& note : run.tool->notes()) out << note << '\n';
  const Rejections* rejections = run.tool->rejections();
  if (rejections != nullptr && rejections->count() > 0) out << rejections->text() << '\n';
  out << fmt::format("data set written to {}", run.out.string()) << std::endl;
  return 0;
}

void add_tool(CLI::App& group, CommandLine& line, std::ostream& out, const DataToolEntry& entry,
              const std::string& example) {
  CLI::App* verb = group.add_subcommand(entry.kind, entry.help);
  const auto run = std::make_shared<ToolRun>(entry);
  if (!entry.source_help.empty()) {
    verb->add_option("SOURCE", run->sources, entry.source_help)
        ->required(!entry.source_is_optional)
        ->type_name("PATH");
  }
  verb->add_option("--out", run->out, "Data set folder to make; must not exist or be empty")
      ->required()
      ->type_name("FOLDER");
  add_field_options(*verb, run->fields);
  verb->footer("Example:\n  " + example);
  verb->callback([&line, &out, run] { line.action = [&out, run] { return run_tool(*run, out); }; });
}

void add_tools(CLI::App& data, CommandLine& line, std::ostream& out) {
  CLI::App* import =
      data.add_subcommand("import", "Turn files of a known kind into a data set folder");
  import->require_subcommand(1);
  for (const DataToolEntry& entry : importers()) {
    add_tool(*import, line, out, entry,
             fmt::format("lockstep data import {} SOURCE --out datasets/mine", entry.kind));
  }
  CLI::App* generate = data.add_subcommand("generate", "Make a data set folder from nothing");
  generate->require_subcommand(1);
  for (const DataToolEntry& entry : generators()) {
    add_tool(*generate, line, out, entry,
             fmt::format("lockstep data generate {} --out datasets/{}", entry.kind, entry.kind));
  }
}

ordered_json stream_json(const StreamSchema& stream) {
  ordered_json json = {{"name", stream.name}, {"stored_as", name_of(stream.element)}};
  if (stream.is_symbols()) {
    json["classes"] = stream.num_classes;
    if (!stream.labels.empty()) json["labels"] = stream.labels;
  } else {
    json["features"] = stream.features;
  }
  return json;
}

ordered_json manifest_json(const Manifest& manifest) {
  ordered_json json = {{"source", manifest.source}, {"fingerprint", manifest.fingerprint()}};
  for (const StreamSchema& stream : manifest.streams)
    json["streams"].push_back(stream_json(stream));
  for (const SplitInfo& split : manifest.splits) {
    json["splits"].push_back({{"name", split.name},
                              {"sequences", split.sequences},
                              {"shortest", split.shortest},
                              {"longest", split.longest},
                              {"shards", split.shards.size()}});
  }
  return json;
}

struct FolderOptions {
  std::filesystem::path folder;
  int64_t samples = 1;
  bool json = false;
};

int inspect(const FolderOptions& options, std::ostream& out) {
  if (options.json) {
    out << manifest_json(read_manifest(options.folder)).dump(2) << std::endl;
  } else {
    inspect_dataset(options.folder, out, options.samples);
    out.flush();
  }
  return 0;
}

int verify(const std::filesystem::path& folder, std::ostream& out) {
  std::ostringstream lines;  // shown after the progress, which they would break into
  try {
    with_progress([&](const Progress& progress) { verify_dataset(folder, lines, progress); });
  } catch (const Error&) {
    out << lines.str() << std::flush;
    throw;
  }
  out << lines.str() << "every byte is as the manifest says" << std::endl;
  return 0;
}

void add_inspect(CLI::App& data, CommandLine& line, std::ostream& out) {
  CLI::App* verb = data.add_subcommand("inspect", "Say what a data set folder holds");
  const auto options = std::make_shared<FolderOptions>();
  verb->add_option("FOLDER", options->folder, "Data set folder")->required()->type_name("");
  verb->add_option("--samples", options->samples, "Sequences of each split to print")
      ->check(CLI::Range(0, 1 << 20).description(""))
      ->type_name("N")
      ->capture_default_str();
  verb->add_flag("--json", options->json, "Print the schema and the splits as JSON instead");
  verb->footer("Example:\n  lockstep data inspect datasets/mnist");
  verb->callback(
      [&line, &out, options] { line.action = [&out, options] { return inspect(*options, out); }; });
}

void add_verify(CLI::App& data, CommandLine& line, std::ostream& out) {
  CLI::App* verb = data.add_subcommand("verify", "Check every byte of a data set folder");
  const auto options = std::make_shared<FolderOptions>();
  verb->add_option("FOLDER", options->folder, "Data set folder")->required()->type_name("");
  verb->footer("Example:\n  lockstep data verify datasets/mnist");
  verb->callback([&line, &out, options] {
    line.action = [&out, options] { return verify(options->folder, out); };
  });
}

}  // namespace

void add_data(CLI::App& app, CommandLine& line, std::ostream& out) {
  CLI::App* data =
      app.add_subcommand("data", "Make and check data sets: import, generate, inspect, verify");
  data->require_subcommand(1);
  add_tools(*data, line, out);
  add_inspect(*data, line, out);
  add_verify(*data, line, out);
}

}  // namespace lockstep
