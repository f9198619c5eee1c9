#include "data/base/json_problem.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/unit/base/temp_folder.h"

namespace lockstep {
namespace {

using testing::expect_error;

TEST(JsonProblem, IsToldWithoutTheLibrarysNumbers) {
  const auto text_of = [](const auto& read) -> std::string {
    try {
      (void)read();
    } catch (const std::exception& problem) {
      return problem_text(problem);
    }
    return "";
  };
  EXPECT_EQ(text_of([] { return nlohmann::json::parse("nonsense"); }), "not valid JSON at byte 2");
  EXPECT_EQ(text_of([] { return nlohmann::json::parse("\"\xff\""); }), "byte 2 is not UTF-8");
  EXPECT_EQ(text_of([] { return nlohmann::json::parse("[7]").at(0).get<std::string>(); }),
            "a value is of another kind: type must be string, but is number");
  EXPECT_EQ(text_of([] { return nlohmann::json::parse("{}").at("a").size(); }),
            "key 'a' not found");
  EXPECT_EQ(text_of([] { throw std::runtime_error("else"); }), "else");
}

TEST(JsonProblem, NamesAMemberThatIsNoText) {
  const auto object = nlohmann::json::parse(R"({"a": "x", "b": 5, "c": null, "d": []})");
  EXPECT_EQ(text_member(object, "a"), "x");
  expect_error(ExitCode::corrupt, "\"b\" must be a text, not a number",
               [&] { text_member(object, "b"); });
  expect_error(ExitCode::corrupt, "\"c\" must be a text, not null",
               [&] { text_member(object, "c"); });
  expect_error(ExitCode::corrupt, "\"d\" must be a text, not an array",
               [&] { text_member(object, "d"); });
  expect_error(ExitCode::corrupt, "\"e\" is missing", [&] { text_member(object, "e"); });
}

}  // namespace
}  // namespace lockstep
