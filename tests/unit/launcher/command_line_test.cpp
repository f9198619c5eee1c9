#include "launcher/command_line.h"

#include <gmock/gmock.h>

#include <CLI/CLI.hpp>
#include <sstream>

#include "data/base/error.h"
#include "data/data_tool.h"
#include "launcher/field_options.h"
#include "launcher/help_formatter.h"
#include "launcher/verbs/verbs.h"

namespace lockstep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Outcome {
  int code = 0;
  std::string out;
  std::string errors;
};

Outcome run(const std::vector<std::string>& words) {
  std::ostringstream out;
  std::ostringstream errors;
  const int code = run_command_line(words, out, errors);
  return {code, out.str(), errors.str()};
}

TEST(CommandLine, HelpListsVerbsAndEveryExitCode) {
  const Outcome help = run({"--help"});
  EXPECT_EQ(help.code, 0);
  for (const char* verb :
       {"train", "evaluate", "predict", "data", "bench", "config", "doctor", "version"}) {
    EXPECT_THAT(help.out, testing::ContainsRegex("\n  " + std::string(verb) + " "));
  }
  for (const int code : {0, 64, 65, 66, 69, 70, 73, 74, 75, 76, 78, 79, 80}) {
    EXPECT_THAT(help.out, HasSubstr(std::string(describe(static_cast<ExitCode>(code)))));
    EXPECT_THAT(help.out, HasSubstr("\n  " + std::to_string(code) + " "));
  }
}

TEST(CommandLine, EveryVerbHasHelpWithAnExample) {
  const std::vector<std::vector<std::string>> verbs = {
      {"train"},           {"evaluate"},       {"predict"},          {"doctor"},
      {"bench", "step"},   {"config", "show"}, {"config", "schema"}, {"config", "reference"},
      {"data", "inspect"}, {"data", "verify"}};
  for (std::vector<std::string> words : verbs) {
    words.push_back("--help");
    const Outcome help = run(words);
    SCOPED_TRACE(help.out);
    EXPECT_EQ(help.code, 0);
    EXPECT_THAT(help.out, HasSubstr("Example"));
    EXPECT_THAT(help.out, HasSubstr("Usage: lockstep " + words[0]));
    std::istringstream lines(help.out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
  }
}

TEST(CommandLine, EveryDataToolHasAVerb) {
  for (const DataToolEntry& entry : importers()) {
    EXPECT_THAT(run({"data", "import", entry.kind, "--help"}).out, HasSubstr("--out"));
  }
  for (const DataToolEntry& entry : generators()) {
    EXPECT_THAT(run({"data", "generate", entry.kind, "--help"}).out, HasSubstr("--out"));
  }
}

TEST(CommandLine, UsageMistakesNameTheNearest) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> rows = {
      {{"trian"}, "did you mean \"train\"?"},
      {{"zzzzzz"}, "there are: train"},
      {{"data", "inpect"}, "did you mean \"inspect\"?"},
      {{"data", "import", "idy"}, "did you mean \"idx\"?"},
      {{"config", "shw"}, "did you mean \"show\"?"},
      {{"data"}, "lockstep data needs one of: import, generate, inspect, verify"},
      {{"bench"}, "needs one of: step"},
      {{"train"}, "CONFIG is required"},
      {{"train", "a.yaml", "--resum", "auto"},
       "unknown option --resum; did you mean \"--resume\"?"},
      {{"train", "a.yaml", "--dryrun"}, "did you mean \"--dry-run\"?"},
      {{"train", "a.yaml", "-n", "two"}, "two"},
      {{"train", "a.yaml", "-n", "0"}, "0"},
      {{"train", "a.yaml", "-n"}, "--ranks: 1 required RANKS missing"},
      {{"train", "a.yaml", "b.yaml"}, "\"b.yaml\" is neither an option nor key=value"},
      {{"evaluate"}, "SOURCE is required"},
      {{"evaluate", "x", "--device", "gpu"}, "gpu"},
      {{"predict", "x", "--split", "test"}, "--data"},
      {{"predict", "x", "--data", "d", "--input", "f"}, "--input"},
      {{"data", "inspect"}, "FOLDER is required"},
  };
  for (const auto& [words, message] : rows) {
    SCOPED_TRACE(testing::PrintToString(words));
    const Outcome outcome = run(words);
    EXPECT_EQ(outcome.code, 64);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.errors, testing::StartsWith("lockstep: "));
    EXPECT_THAT(outcome.errors, HasSubstr(message));
    EXPECT_THAT(outcome.errors, HasSubstr("hint: "));
  }
  EXPECT_EQ(run({}).code, 64);
}

TEST(CommandLine, MistakesOfContentHaveTheirOwnCodes) {
  EXPECT_EQ(run({"config", "show", "/no/such/file.yaml"}).code, 66);
  EXPECT_EQ(run({"train", "/no/such/file.yaml", "-n", "2"}).code, 66);
  EXPECT_EQ(run({"data", "inspect", "/no/such/folder"}).code, 66);
  EXPECT_EQ(run({"data", "verify", "/no/such/folder"}).code, 66);
  EXPECT_EQ(run({"config", "show", "/dev/null", "batch.size=0"}).code, 78);
}

TEST(CommandLine, ShowsConfigurations) {
  const Outcome shown = run({"config", "show", "/dev/null", "batch.size=128"});
  EXPECT_EQ(shown.code, 0);
  EXPECT_THAT(shown.out, testing::ContainsRegex("  size: 128 +# command line"));
  EXPECT_THAT(run({"config", "schema"}).out, HasSubstr("json-schema.org"));
  EXPECT_THAT(run({"config", "reference"}).out, HasSubstr("| `batch.size` |"));
}

TEST(CommandLine, VersionIsAVerbAndAnOption) {
  EXPECT_EQ(run({"version"}).code, 0);
  EXPECT_NE(run({"version"}).out, "");
  EXPECT_EQ(run({"--version"}).out, run({"version"}).out);
}

TrainOptions parse_train(std::vector<std::string> words) {
  CLI::App app;
  TrainOptions options;
  describe_train(app, options);
  std::reverse(words.begin(), words.end());
  app.parse(words);
  return options;
}

TEST(TrainVerb, OptionsAndOverridesMixInAnyOrder) {
  const TrainOptions options = parse_train({"c.yaml", "a.b=1", "-n", "3", "c=x y", "--resume",
                                            "runs/a", "d=", "--dry-run", "--quiet", "e==-1"});
  EXPECT_EQ(options.file.config, "c.yaml");
  EXPECT_THAT(options.file.overrides, ElementsAre("a.b=1", "c=x y", "d=", "e==-1"));
  EXPECT_EQ(options.ranks, 3);
  EXPECT_EQ(options.resume, "runs/a");
  EXPECT_TRUE(options.dry_run);
  EXPECT_TRUE(options.quiet);
  const TrainOptions defaults = parse_train({"c.yaml"});
  EXPECT_EQ(defaults.ranks, std::nullopt);
  EXPECT_EQ(defaults.resume, "auto");
  EXPECT_FALSE(defaults.dry_run);
  EXPECT_EQ(parse_train({"-n4", "c.yaml", "data.path=/a/b"}).ranks, 4);
}

TEST(TrainVerb, ARestartContinues) {
  EXPECT_THAT(words_to_continue({"train", "c.yaml", "--resume", "never", "-n", "2", "a=b"}),
              ElementsAre("train", "c.yaml", "-n", "2", "a=b", "--resume", "auto"));
  EXPECT_THAT(words_to_continue({"train", "--resume=runs/x", "c.yaml"}),
              ElementsAre("train", "c.yaml", "--resume", "auto"));
  EXPECT_THAT(words_to_continue({"train", "c.yaml"}),
              ElementsAre("train", "c.yaml", "--resume", "auto"));
}

struct ToolOptions {
  int64_t shard_size = 1000;
  double noise = 0.1;
  std::string font = "any";
  bool compress = true;
  std::vector<int64_t> sizes = {1, 2};

  void describe(Fields& fields) {
    fields.add("shard_size", shard_size, "sequences in a shard").at_least(1);
    fields.add("noise", noise, "of each pixel").at_least(0).at_most(1);
    fields.add("font", font, "to draw with").one_of({"any", "sans"});
    fields.add("compress", compress, "shards");
    fields.add("sizes", sizes, "of glyphs").at_least(1);
  }
};

ToolOptions parse_tool(std::vector<std::string> words) {
  CLI::App app;
  ToolOptions options;
  Fields fields;
  options.describe(fields);
  add_field_options(app, fields);
  std::reverse(words.begin(), words.end());
  app.parse(words);
  return options;
}

TEST(FieldOptions, AreMadeFromTheDescription) {
  const ToolOptions options = parse_tool(
      {"--shard-size", "5", "--noise=0.5", "--font", "sans", "--no-compress", "--sizes", "3,4"});
  EXPECT_EQ(options.shard_size, 5);
  EXPECT_EQ(options.noise, 0.5);
  EXPECT_EQ(options.font, "sans");
  EXPECT_FALSE(options.compress);
  EXPECT_THAT(options.sizes, ElementsAre(3, 4));
  EXPECT_TRUE(parse_tool({"--compress"}).compress);
  EXPECT_THAT(parse_tool({"--sizes", "[7]"}).sizes, ElementsAre(7));
}

TEST(FieldOptions, AreCheckedLikeARunFile) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"--shard-size", "0"},
                                             {"--shard-size", "x"},
                                             {"--shard-size", "1.5"},
                                             {"--noise", "2"},
                                             {"--noise", "nan"},
                                             {"--font", "serif"},
                                             {"--sizes", "1,x"},
                                             {"--sizes", "0"},
                                             {"--shard-size="}}) {
    SCOPED_TRACE(testing::PrintToString(words));
    EXPECT_THROW(parse_tool(words), CLI::ParseError);
  }
}

TEST(Wrapped, KeepsLinesShort) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "word" + std::to_string(i) + " ";
  std::istringstream lines(wrapped(text, 30));
  std::string line;
  std::getline(lines, line);
  EXPECT_LE(line.size(), 70u);
  while (std::getline(lines, line)) {
    EXPECT_LE(line.size(), 100u);
    EXPECT_EQ(line.substr(0, 30), std::string(30, ' '));
    EXPECT_NE(line[30], ' ');
  }
}

}  // namespace
}  // namespace lockstep
