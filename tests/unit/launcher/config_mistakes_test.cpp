// A table of run files that must be refused, each with where and why.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "data/base/error.h"
#include "launcher/config_reader.h"

namespace lockstep {
namespace {

using testing::HasSubstr;

struct BadText {
  std::string text;
  std::string at;       ///< "line:column"
  std::string message;  ///< part of it
};

/// The lines of mistakes; empty when the text is accepted.
std::vector<std::string> mistakes_of(const std::string& text,
                                     std::vector<std::string> overrides = {}) {
  try {
    read_run_config({"run.yaml", text, std::move(overrides)});
    return {};
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::config);
    EXPECT_FALSE(error.hint().empty());
    std::vector<std::string> lines;
    const std::string all = error.what();
    for (size_t at = all.find("\n  "); at != std::string::npos;) {
      const size_t next = all.find("\n  ", at + 1);
      lines.push_back(all.substr(at + 3, next == std::string::npos ? next : next - at - 3));
      at = next;
    }
    return lines;
  }
}

std::string nested(int depth, const std::string& open, const std::string& close) {
  std::string text = "run: ";
  for (int i = 0; i < depth; ++i) text += open;
  for (int i = 0; i < depth; ++i) text += close;
  return text;
}

const std::vector<BadText>& unknown_keys() {
  static const std::vector<BadText> rows = {
      {"batc:\n  size: 3\n", "1:1", "unknown key \"batc\"; did you mean \"batch\"?"},
      {"batch:\n  sise: 3\n", "2:3",
       "unknown key \"sise\" in section batch; did you mean \"size\"?"},
      {"batch: {sizes: 3}\n", "1:9", "did you mean \"size\"?"},
      {"optimizer:\n  learningrate: 0.1\n", "2:3", "did you mean \"learning_rate\"?"},
      {"optimizer:\n  lr: 0.1\n", "2:3", "unknown key \"lr\" in section optimizer"},
      {"hidden_size: 3\n", "1:1", "there is model.hidden_size"},
      {"kind: adam\n", "1:1", "there is optimizer.kind and schedule.kind"},
      {"train:\n  hidden_size: 3\n", "2:3", "there is model.hidden_size"},
      {"batch.size: 3\n", "1:1", "write it as a section: batch: {size: ...}"},
      {"Device: cpu\n", "1:1", "did you mean \"device\"?"},
      {"<<: {device: cpu}\n", "1:1", "unknown key \"<<\""},
      {"\"\": 1\n", "1:1", "unknown key \"\""},
      {"größe: 1\n", "1:1", "unknown key \"größe\""},
      {"run: {größe: 1, x: 2}\n", "1:17", "unknown key \"x\""},
      {"train:\n    epochs: 3\n    \"logevery\": 1\n", "3:5", "did you mean \"log_every\"?"},
      {"device: cpu\n\n# comment\n\nprecison: float32\n", "5:1", "did you mean \"precision\"?"},
      {std::string(1000, 'k') + ": 1\n", "1:1", "unknown key \"kkkk"},
      {"? device\n: cpu\n? devise\n: cpu\n", "3:3", "did you mean \"device\"?"},
  };
  return rows;
}

const std::vector<BadText>& duplicates() {
  static const std::vector<BadText> rows = {
      {"device: cpu\ndevice: cuda\n", "2:1",
       "duplicate key \"device\"; it stands already in line 1"},
      {"batch:\n  size: 3\nbatch:\n  size: 4\n", "3:1", "duplicate key \"batch\""},
      {"batch:\n  size: 3\n  size: 3\n", "3:3",
       "duplicate key \"size\"; it stands already in line 2"},
      {"batch: {size: 3, size: 4}\n", "1:18", "duplicate key \"size\""},
      {"device: cpu\n\"device\": cpu\n", "2:1", "duplicate key \"device\""},
      {"device: cpu\n'device': cpu\n", "2:1", "duplicate key \"device\""},
  };
  return rows;
}

const std::vector<BadText>& wrong_types() {
  static const std::vector<BadText> rows = {
      {"batch:\n  size: ten\n", "2:9", "batch.size: expected integer, found text \"ten\""},
      {"batch:\n  size: 3.5\n", "2:9", "expected integer, found number 3.5"},
      {"batch:\n  size: 1e3\n", "2:9", "expected integer, found number 1e3"},
      {"batch:\n  size: 64.0\n", "2:9", "expected integer, found number 64.0"},
      {"batch:\n  size: \"64\"\n", "2:9", "expected integer, found text \"64\""},
      {"batch:\n  size: true\n", "2:9", "expected integer, found boolean true"},
      {"batch:\n  size: 0x40\n", "2:9", "expected integer, found text \"0x40\""},
      {"batch:\n  size: 1_000\n", "2:9", "expected integer, found text \"1_000\""},
      {"batch:\n  size: [64]\n", "2:9", "expected integer, found a list"},
      {"batch:\n  size: {a: 1}\n", "2:9", "expected integer, found a section"},
      {"batch:\n  size:\n    - 64\n", "3:5", "expected integer, found a list"},
      {"batch:\n  size: 64 # fine\n  accumulation: '2'\n", "3:17", "expected integer"},
      {"batch:\n  size: --5\n", "2:9", "expected integer, found text \"--5\""},
      {"batch:\n  size: 5-\n", "2:9", "expected integer, found text \"5-\""},
      {"batch:\n  size: 99999999999999999999\n", "2:9", "does not fit into 64 bits"},
      {"batch:\n  size: -99999999999999999999\n", "2:9", "does not fit into 64 bits"},
      {"optimizer:\n  learning_rate: fast\n", "2:18", "expected number, found text \"fast\""},
      {"optimizer:\n  learning_rate: '0.1'\n", "2:18", "expected number, found text \"0.1\""},
      {"optimizer:\n  learning_rate: 1,5\n", "2:18", "expected number, found text \"1,5\""},
      {"optimizer:\n  learning_rate: 0.1.2\n", "2:18", "expected number"},
      {"optimizer:\n  learning_rate: 1e\n", "2:18", "expected number"},
      {"optimizer:\n  learning_rate: .\n", "2:18", "expected number"},
      {"optimizer:\n  learning_rate: 1e999\n", "2:18", "does not fit into a 64-bit number"},
      {"optimizer:\n  learning_rate: nan\n", "2:18", "expected number, found text \"nan\""},
      {"reproducible: yes\n", "1:15", "expected boolean (true or false), found text \"yes\""},
      {"reproducible: 1\n", "1:15", "expected boolean (true or false), found integer 1"},
      {"reproducible: \"true\"\n", "1:15", "expected boolean"},
      {"reproducible: tRue\n", "1:15", "expected boolean"},
      {"data:\n  path: 5\n", "2:9", "expected text, found integer 5; put it in quotes"},
      {"data:\n  path: true\n", "2:9", "expected text, found boolean true"},
      {"data:\n  path: [a, b]\n", "2:9", "expected text, found a list"},
      {"data:\n  path: {a: b}\n", "2:9", "expected text, found a section"},
      {"device: [cpu]\n", "1:9", "device: expected text, found a list"},
  };
  return rows;
}

const std::vector<BadText>& out_of_range() {
  static const std::vector<BadText> rows = {
      {"batch:\n  size: 0\n", "2:9", "batch.size: 0 is out of range (1 <= value <= 16777216)"},
      {"batch:\n  size: -1\n", "2:9", "-1 is out of range"},
      {"batch:\n  size: 16777217\n", "2:9", "16777217 is out of range"},
      {"model:\n  dropout: 1\n", "2:12", "1 is out of range (0 <= value < 1)"},
      {"model:\n  dropout: -0.1\n", "2:12", "-0.1 is out of range"},
      {"optimizer:\n  learning_rate: 0\n", "2:18", "0 is out of range (0 < value)"},
      {"optimizer:\n  learning_rate: .nan\n", "2:18", ".nan is not a finite number"},
      {"optimizer:\n  learning_rate: .inf\n", "2:18", ".inf is not a finite number"},
      {"optimizer:\n  learning_rate: -.INF\n", "2:18", "-.INF is not a finite number"},
      {"optimizer:\n  beta1: 1.0\n", "2:10", "1 is out of range"},
      {"device: gpu\n", "1:9", "\"gpu\" is none of the choices (auto, cpu, cuda)"},
      {"device: cudaa\n", "1:9", "did you mean \"cuda\"?"},
      {"device: ''\n", "1:9", "\"\" is none of the choices"},
      {"optimizer:\n  kind: adamm\n", "2:9", "did you mean \"adam\"?"},
      {"precision: float64\n", "1:12", "none of the choices (float32)"},
      {"run:\n  seed: -1\n", "2:9", "-1 is out of range"},
      {"communication:\n  timeout_seconds: 0\n", "2:20", "0 is out of range"},
  };
  return rows;
}

const std::vector<BadText>& wrong_shapes() {
  static const std::vector<BadText> rows = {
      {"batch: 64\n", "1:8",
       "batch is a section with the keys size, window, max_steps, accumulation; found integer 64"},
      {"batch: [size]\n", "1:8", "batch is a section with the keys"},
      {"batch: \"size\"\n", "1:8", "found text \"size\""},
      {"batch:\n", "1:1",
       "batch is a section with the keys size, window, max_steps, accumulation; found nothing"},
      {"batch: ~\n", "1:1", "found nothing"},
      {"batch:\n  size:\n", "2:3", "batch.size: has no value; expected integer"},
      {"batch:\n  size: null\n", "2:3", "batch.size: has no value"},
      {"device: ~\n", "1:1", "device: has no value; expected text"},
      {"- device\n", "1:1", "a run file is a map of keys and values, found a list"},
      {"device\n", "1:1", "found text \"device\""},
      {"5\n", "1:1", "found integer 5"},
      {"[]\n", "1:1", "found a list"},
      {"[a, b]: cpu\n", "1:1", "a key must be plain text"},
      {"{a: b}: cpu\n", "1:1", "a key must be plain text"},
      {"~: cpu\n", "1:1", "a key must be plain text"},
  };
  return rows;
}

const std::vector<BadText>& refused_forms() {
  static const std::vector<BadText> rows = {
      {"device: &d cpu\n", "1:9", "anchors (&name) are not allowed"},
      {"run: &r\n  seed: 3\n", "1:6", "anchors (&name) are not allowed"},
      {"&k device: cpu\n", "1:1", "anchors (&name) are not allowed"},
      {"device: !!str cpu\n", "1:9", "tags (!type) are not allowed"},
      {"device: !cpu cpu\n", "1:9", "tags (!type) are not allowed"},
      {"device: ! cpu\n", "1:9", "tags (!type) are not allowed"},
      {"batch: !!map {size: 3}\n", "1:8", "tags (!type) are not allowed"},
      {"---\ndevice: cpu\n---\ndevice: cpu\n", "3:1", "a second document begins here"},
      {"device: cpu\n...\n---\nseed: 1\n", "3:1", "a second document begins here"},
      {"\tdevice: cpu\n", "1:1", "a tab; use spaces"},
      {"batch:\n\tsize: 3\n", "2:1", "a tab; use spaces"},
      {"device:\tcpu\n", "1:8", "a tab; use spaces"},
      {"device: \"c\tpu\"\n", "1:11", "a tab; use spaces"},
      {"device: c\x01pu\n", "1:10", "control character 0x01"},
      {std::string("device: c\0pu\n", 13), "1:10", "control character 0x00"},
      {"device: cpu\rlanes: 3\n", "1:12", "control character 0x0d"},
      {"device: \xff\n", "1:9", "not UTF-8"},
      {"\xff\xfe\x64\x00", "1:1", "not UTF-8"},
      {"# \xc3\x28\n", "1:3", "not UTF-8"},
      {"# \xc0\xaf overlong\n", "1:3", "not UTF-8"},
      {"# \xed\xa0\x80 surrogate\n", "1:3", "not UTF-8"},
      {"# \xf4\x90\x80\x80 too large\n", "1:3", "not UTF-8"},
      {"# cut off \xe2\x82", "1:11", "not UTF-8"},
      {"device: [cpu\n", "2:1", "not YAML"},
      {"device: \"cpu\n", "1:9", "a quote that is never closed"},
      {"# é\ndata:\n  path: 'it''s\n", "3:9", "a quote that is never closed"},
      {"data: {path: \"a\\\"}\n", "1:14", "a quote that is never closed"},
      {"device: cpu: cuda\n", "1:12", "not YAML"},
      {"device: @cpu\n", "1:9", "not YAML"},
      {"device: `cpu`\n", "1:9", "not YAML"},
      {"batch:\n  size: 3\n accumulation: 2\n", "3:2", "not YAML"},
      {"device: *d\n", "1:9", "not YAML"},
      {"device: }\n", "1:9", "not YAML"},
      {"%YAML 7.9\n---\ndevice: cpu\n", "1:1", "not YAML"},
      {nested(40, "[", "]"), "1:37", "nested deeper than 32 levels"},
      {nested(40, "{a: ", "}"), "1:130", "nested deeper than 32 levels"},
      {nested(100000, "[", ""), "1:22", "nested deeper than 32 levels"},
      {"device: cpu # " + std::string(1 << 20, 'x') + "\n", "1:1", "larger than the 1048576 bytes"},
  };
  return rows;
}

void expect_refused(const std::vector<BadText>& rows) {
  for (const BadText& row : rows) {
    SCOPED_TRACE(row.text.substr(0, 200));
    const std::vector<std::string> lines = mistakes_of(row.text);
    ASSERT_FALSE(lines.empty()) << "accepted";
    EXPECT_THAT(lines,
                testing::Contains(testing::AllOf(testing::StartsWith("run.yaml:" + row.at + ": "),
                                                 HasSubstr(row.message))));
  }
}

TEST(ConfigMistakes, UnknownKeys) {
  expect_refused(unknown_keys());
}
TEST(ConfigMistakes, Duplicates) {
  expect_refused(duplicates());
}
TEST(ConfigMistakes, WrongTypes) {
  expect_refused(wrong_types());
}
TEST(ConfigMistakes, OutOfRange) {
  expect_refused(out_of_range());
}
TEST(ConfigMistakes, WrongShapes) {
  expect_refused(wrong_shapes());
}
TEST(ConfigMistakes, RefusedForms) {
  expect_refused(refused_forms());
}

TEST(ConfigMistakes, AreAllToldInOnePassInOrder) {
  const auto lines = mistakes_of(
      "devise: cpu\n"
      "batch:\n"
      "  size: ten\n"
      "  size: 3\n"
      "optimizer: {learning_rate: -1, kind: adm}\n"
      "train:\n",
      {"model.hidden_size=0", "nonsense=1"});
  ASSERT_EQ(lines.size(), 8u) << testing::PrintToString(lines);
  EXPECT_THAT(lines[0], testing::StartsWith("run.yaml:1:1: unknown key"));
  EXPECT_THAT(lines[1], testing::StartsWith("run.yaml:3:9: batch.size: expected integer"));
  EXPECT_THAT(lines[2], testing::StartsWith("run.yaml:4:3: duplicate key"));
  EXPECT_THAT(lines[3], testing::StartsWith("run.yaml:5:28: optimizer.learning_rate"));
  EXPECT_THAT(lines[4], testing::StartsWith("run.yaml:5:38: optimizer.kind"));
  EXPECT_THAT(lines[5], testing::StartsWith("run.yaml:6:1: train is a section"));
  EXPECT_THAT(lines[6],
              testing::StartsWith("command line: model.hidden_size=0: 0 is out of range"));
  EXPECT_THAT(lines[7], testing::StartsWith("command line: nonsense=1: unknown key"));
}

TEST(ConfigMistakes, BeforeASyntaxErrorAreToldWithIt) {
  const auto lines = mistakes_of("devise: cpu\nbatch:\n  size: [\n");
  ASSERT_EQ(lines.size(), 3u) << testing::PrintToString(lines);
  EXPECT_THAT(lines[0], HasSubstr("did you mean \"device\""));
}

TEST(ConfigMistakes, AliasesAreRefusedAndNotFollowed) {
  const auto lines = mistakes_of("run: {dir: &d x}\ninit_from: *d\n*d : 1\n");
  EXPECT_THAT(lines, testing::Contains(testing::StartsWith("run.yaml:1:12: anchors")));
  EXPECT_THAT(lines, testing::Contains(testing::StartsWith("run.yaml:2:12: aliases")));
}

TEST(ConfigMistakes, AFloodOfThemIsCut) {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "key" + std::to_string(i) + ": 1\n";
  const auto lines = mistakes_of(text);
  ASSERT_EQ(lines.size(), 101u);
  EXPECT_THAT(lines.back(), HasSubstr("more"));
}

TEST(ConfigMistakes, AcrossFieldsNameTheFieldsPlace) {
  EXPECT_THAT(mistakes_of("device: cpu\ncommunication:\n  backend: nccl\n"),
              testing::ElementsAre(testing::StartsWith("run.yaml:3:3: communication.backend: ")));
  EXPECT_THAT(mistakes_of("reproducible: true\n", {"lanes=6"}),
              testing::ElementsAre(testing::StartsWith("command line: lanes=6: lanes: ")));
  EXPECT_THAT(mistakes_of("reproducible: true\n", {"communication.dtype=bfloat16"}),
              testing::ElementsAre(HasSubstr("communication.dtype: ")));
}

TEST(ConfigMistakes, OverridesAreCheckedLikeTheFile) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"batch.size=ten", "expected integer, found text \"ten\""},
      {"batch.size=", "has no value"},
      {"batch.size=0", "out of range"},
      {"batch.size=[1]", "expected integer, found a list"},
      {"batch=64", "batch is a section; name one of its keys, as in batch.size=..."},
      {"batch.sice=64", "did you mean \"batch.size\"?"},
      {"hidden_size=64", "there is model.hidden_size"},
      {"device=gpu", "none of the choices"},
      {"reproducible=yes", "expected boolean"},
      {"optimizer.learning_rate=.nan", "not a finite number"},
      {"batch.size=&a 4", "anchors"},
      {"batch.size=4\n---\n5", "second document"},
      {"data.path=a\xff", "not UTF-8"},
      {"=4", "unknown key \"\""},
      {"nothing", "expected key=value"},
  };
  for (const auto& [word, message] : rows) {
    SCOPED_TRACE(word);
    const auto lines = mistakes_of("", {word});
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_THAT(lines[0], testing::StartsWith("command line: "));
    EXPECT_THAT(lines[0], HasSubstr(message));
  }
}

}  // namespace
}  // namespace lockstep
