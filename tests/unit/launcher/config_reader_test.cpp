#include "launcher/config_reader.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <random>

#include "data/base/error.h"
#include "launcher/config_show.h"
#include "launcher/config_value.h"

namespace lockstep {
namespace {

/// Every type a field can have.
struct Everything {
  bool flag = false;
  int64_t count = 3;
  double rate = 0.5;
  std::string name = "a";
  std::vector<int64_t> sizes = {1, 2};
  std::vector<double> rates = {0.25};
  std::vector<std::string> names = {"x"};

  void describe(Fields& fields) {
    fields.add("flag", flag, "");
    fields.add("count", count, "").at_least(0);
    fields.add("rate", rate, "");
    fields.add("name", name, "");
    fields.add("sizes", sizes, "").at_least(1);
    fields.add("rates", rates, "");
    fields.add("names", names, "");
  }
};

Everything read_everything(const std::string& text, std::vector<std::string> overrides = {}) {
  Everything value;
  Fields fields;
  value.describe(fields);
  read_fields({"f.yaml", text, std::move(overrides)}, fields, {});
  return value;
}

std::string problem_of(const std::string& text, std::vector<std::string> overrides = {}) {
  try {
    read_everything(text, std::move(overrides));
    return "accepted";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(ConfigReader, ReadsEveryType) {
  const Everything value = read_everything(
      "flag: True\ncount: +007\nrate: -1.5e-3\nname: 'two words'\nsizes: [4, 5]\n"
      "rates:\n  - 1\n  - 2.5\nnames: [a, \"5\", 'c d']\n");
  EXPECT_TRUE(value.flag);
  EXPECT_EQ(value.count, 7);
  EXPECT_EQ(value.rate, -1.5e-3);
  EXPECT_EQ(value.name, "two words");
  EXPECT_THAT(value.sizes, testing::ElementsAre(4, 5));
  EXPECT_THAT(value.rates, testing::ElementsAre(1.0, 2.5));
  EXPECT_THAT(value.names, testing::ElementsAre("a", "5", "c d"));
}

TEST(ConfigReader, ReadsOverrides) {
  const Everything value = read_everything(
      "count: 1\n",
      {"count=5", "count=6", "flag=true", "rate=2", "name=007", "sizes=[7]", "names=[a, b]"});
  EXPECT_EQ(value.count, 6);
  EXPECT_TRUE(value.flag);
  EXPECT_EQ(value.rate, 2.0);
  EXPECT_EQ(value.name, "007") << "text is taken as it stands";
  EXPECT_THAT(value.sizes, testing::ElementsAre(7));
  EXPECT_THAT(value.names, testing::ElementsAre("a", "b"));
  EXPECT_EQ(read_everything("name: x\n", {"name="}).name, "");
  EXPECT_EQ(read_everything("", {"name=a=b: [c"}).name, "a=b: [c");
}

TEST(ConfigReader, NamesTheElementOfAList) {
  EXPECT_THAT(problem_of("sizes: [1, two]\n"),
              testing::HasSubstr("element 2: expected integer, found text \"two\""));
  EXPECT_THAT(problem_of("sizes: [1, [2]]\n"), testing::HasSubstr("element 2 is a list"));
  EXPECT_THAT(problem_of("sizes: [0]\n"), testing::HasSubstr("out of range"));
  EXPECT_THAT(problem_of("sizes: 5\n"),
              testing::HasSubstr("expected list of integer, found integer 5"));
  EXPECT_THAT(problem_of("rates: [.inf]\n"), testing::HasSubstr("not a finite number"));
}

TEST(ConfigReader, AcceptsEmptyFilesCommentsAndByteOrderMarks) {
  EXPECT_EQ(read_everything("").count, 3);
  EXPECT_EQ(read_everything("# only a comment\twith a tab\n").count, 3);
  EXPECT_EQ(read_everything("---\n...\n").count, 3);
  EXPECT_EQ(read_everything("{}\n").count, 3);
  EXPECT_EQ(read_everything("\xEF\xBB\xBF"
                            "count: 4\r\nrate: 1\r\n")
                .count,
            4);
}

TEST(ConfigReader, ReadsQuotedText) {
  EXPECT_EQ(read_everything("# é\nname: 'it''s'\n").name, "it's");
  EXPECT_EQ(read_everything("name: \"é \\\" \\\\\"\r\ncount: 4\r\n").name, "é \" \\");
  EXPECT_EQ(read_everything("\xEF\xBB\xBF"
                            "name: ''")
                .name,
            "");
  EXPECT_EQ(read_everything("name: a\"b'c\n").name, "a\"b'c");
}

TEST(ConfigReader, KnowsOrigins) {
  const LoadedConfig loaded =
      read_run_config({"run.yaml", "device: cpu\nbatch:\n  size: 3\n", {"train.epochs=2"}});
  EXPECT_EQ(loaded.origins.at("device"), "run.yaml:1");
  EXPECT_EQ(loaded.origins.at("batch.size"), "run.yaml:3");
  EXPECT_EQ(loaded.origins.at("train.epochs"), "command line");
  EXPECT_EQ(loaded.origins.at("run.seed"), "default");
}

TEST(ConfigReader, ResolvedTextReadsBackEqual) {
  Everything value;
  value.flag = true;
  value.count = std::numeric_limits<int64_t>::max();
  value.rate = 0.1 + 0.2;
  value.name = "quote \" backslash \\ newline \n tab \t hash # é \xF0\x9F\x98\x80 : {} \x7f";
  value.sizes = {};
  value.rates = {1e-300, 1e300, -0.0, 5};
  value.names = {"", "true", "5", "- x", "~"};
  Fields fields;
  value.describe(fields);
  const Everything again = read_everything(resolved_yaml(fields));
  EXPECT_EQ(again.flag, value.flag);
  EXPECT_EQ(again.count, value.count);
  EXPECT_EQ(again.rate, value.rate);
  EXPECT_EQ(again.name, value.name);
  EXPECT_EQ(again.sizes, value.sizes);
  EXPECT_EQ(again.rates, value.rates);
  EXPECT_EQ(again.names, value.names);
}

TEST(ConfigReader, LoadsFilesAndNamesTheRunAfterThem) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("config_reader_test." + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "trial.yaml") << "batch: {size: 8}\n";
  EXPECT_EQ(load_run_config(folder / "trial.yaml", {}).config.run.dir, "runs/trial");
  EXPECT_EQ(load_run_config(folder / "trial.yaml", {"run.dir=x"}).config.run.dir, "x");
  std::ofstream(folder / "large.yaml") << std::string((1 << 20) + 1, '#');
  const auto code_of = [](const std::filesystem::path& file) {
    try {
      load_run_config(file, {});
    } catch (const Error& error) {
      return error.code();
    }
    return ExitCode::done;
  };
  EXPECT_EQ(code_of(folder / "absent.yaml"), ExitCode::missing);
  EXPECT_EQ(code_of(folder), ExitCode::missing);
  EXPECT_EQ(code_of(folder / "large.yaml"), ExitCode::config);
  EXPECT_EQ(code_of("/dev/zero"), ExitCode::config);
  try {
    load_run_config(folder / "trial", {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.hint(), testing::HasSubstr("trial.yaml"));
  }
  std::filesystem::remove_all(folder);
}

/// Whatever the bytes: either a configuration or one Error(config), within a second.
void expect_handled(const std::string& text) {
  const auto begun = std::chrono::steady_clock::now();
  try {
    const LoadedConfig loaded = read_run_config({"f.yaml", text, {}});
    EXPECT_EQ(resolved_yaml(loaded.config),
              resolved_yaml(read_run_config({"g.yaml", resolved_yaml(loaded.config), {}}).config));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::config) << error.what();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(20));
}

std::string repeated(const std::string& part, size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += part;
  return text;
}

TEST(ConfigReader, SurvivesHostileText) {
  constexpr size_t kAlmostAll = (1 << 20) - 64;
  for (const char* part : {"[",       "{",         "- ",     "? ",      "a: ", "- - ",
                           "[{",      "\n",        " ",      "#",       "&a ", "*a ",
                           "!a ",     "'",         "\"",     "|\n",     ">\n", "---\n",
                           "...\n",   "%Y\n",      "a: 1\n", "a",       ",",   "[a,",
                           "{a: b, ", "\"\\",      "a:\n ",  "? a\n: ", "é",   "\xF0\x9F\x98\x80",
                           "!<",      "k: v # c\n"}) {
    SCOPED_TRACE(part);
    expect_handled(repeated(part, kAlmostAll));
    expect_handled("run: " + repeated(part, 1000));
    expect_handled("run:\n  dir: " + repeated(part, 1000));
  }
  expect_handled("a: [" + repeated("x, ", kAlmostAll) + "]");
  expect_handled("a: &a [x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n");
}

TEST(ConfigReader, SurvivesMutatedText) {
  const std::string seed =
      "# comment\ndevice: cpu\nbatch: {size: 64, accumulation: 1}\nrun:\n  dir: \"runs/x\"\n  "
      "seed: 3\n"
      "optimizer:\n  kind: 'adam'\n  learning_rate: 1e-3\n";
  const std::string alphabet = "{}[]:,-?&*!|>'\"%@`#~ \n\tae01.\xC3\xFF\\";
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string text = seed;
    for (unsigned edits = 1 + random() % 6; edits > 0; --edits) {
      const size_t at = random() % text.size();
      const char c = alphabet[random() % alphabet.size()];
      switch (random() % 3) {
        case 0:
          text[at] = c;
          break;
        case 1:
          text.insert(at, 1, c);
          break;
        default:
          text.erase(at, 1 + random() % 4);
          break;
      }
      if (text.empty()) text = "a";
    }
    SCOPED_TRACE(text);
    expect_handled(text);
  }
}

}  // namespace
}  // namespace lockstep
