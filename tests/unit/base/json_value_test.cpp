#include "data/base/json_value.h"

#include <gtest/gtest.h>

#include "tests/unit/base/temp_folder.h"

namespace lockstep {
namespace {

using testing::expect_error;

TEST(JsonValue, ReadsWhatIsThere) {
  const nlohmann::json document = parse_json(R"({"a": [1, 2.5, "x"]})", "f.json");
  const auto items = JsonValue(document, "f.json").member("a").items();
  ASSERT_EQ(items.size(), 3U);
  EXPECT_EQ(items[0].integer(0, 1), 1);
  EXPECT_EQ(items[1].number(), 2.5);
  EXPECT_EQ(items[2].text(), "x");
  EXPECT_EQ(items[2].path(), "$.a[2]");
}

TEST(JsonValue, NamesFileAndPathOfAProblem) {
  const nlohmann::json document = parse_json(R"({"a": [1, {"b": "x"}]})", "f.json");
  const JsonValue root(document, "f.json");
  const auto items = root.member("a").items();
  expect_error(ExitCode::corrupt, "f.json: $.a[1].b: is not an integer",
               [&] { items[1].member("b").integer(0); });
  expect_error(ExitCode::corrupt, "$: has no member \"c\"", [&] { root.member("c"); });
  expect_error(ExitCode::corrupt, "$.a[0]: 1 is out of range (2 to 3)",
               [&] { items[0].integer(2, 3); });
  expect_error(ExitCode::corrupt, "$.a[0]: is not an object", [&] { items[0].member("x"); });
  expect_error(ExitCode::corrupt, "is not an array", [&] { root.items(); });
  expect_error(ExitCode::corrupt, "is not a text", [&] { items[0].text(); });
}

TEST(JsonValue, RefusesIntegersThatDoNotFit) {
  for (const char* text : {"18446744073709551615", "9223372036854775808", "-1", "1e3", "1.0"}) {
    const nlohmann::json document = parse_json(text, "f.json");
    EXPECT_THROW(JsonValue(document, "f.json").integer(0), Error) << text;
  }
}

TEST(ParseJson, TellsWhereItBreaks) {
  expect_error(ExitCode::corrupt, "f.json: not valid JSON at byte 6",
               [] { parse_json(R"({"a":})", "f.json"); });
  for (const char* text : {"", "{", "[1,]", "{} {}", "\"\xff\"", "nan", "\x1f\x8b"}) {
    EXPECT_THROW(parse_json(text, "f.json"), Error) << text;
  }
}

TEST(ParseJson, SurvivesDeepNesting) {
  EXPECT_THROW(parse_json(std::string(1'000'000, '['), "f.json"), Error);
}

}  // namespace
}  // namespace lockstep
