#include "data/base/fields.h"

#include <gtest/gtest.h>

#include <limits>

namespace lockstep {
namespace {

struct Inner {
  std::string kind = "adam";
  double rate = 0.1;
  void describe(Fields& fields) {
    fields.add("kind", kind, "rule").one_of({"adam", "sgd"});
    fields.add("rate", rate, "step size").more_than(0).at_most(1);
  }
};

struct Outer {
  int64_t size = 64;
  bool shuffle = true;
  std::vector<int64_t> widths{1, 2};
  Inner inner;
  void describe(Fields& fields) {
    fields.add("size", size, "samples").at_least(1).unit("samples");
    fields.add("shuffle", shuffle, "order").may_change();
    fields.add("widths", widths, "of layers").at_least(1);
    fields.section("inner", inner, "inner part");
  }
};

class FieldsTest : public ::testing::Test {
 protected:
  FieldsTest() { outer_.describe(fields_); }
  const Field& field(const std::string& path) const { return *fields_.find(path); }
  bool legal(const std::string& path) { return field(path).legal(problem_); }

  Outer outer_;
  Fields fields_;
  std::string problem_;
};

TEST_F(FieldsTest, KnowsPathsInOrder) {
  std::vector<std::string> paths;
  for (const Field& each : fields_.all()) paths.push_back(each.path);
  EXPECT_EQ(paths,
            (std::vector<std::string>{"size", "shuffle", "widths", "inner.kind", "inner.rate"}));
  ASSERT_EQ(fields_.sections().size(), 1U);
  EXPECT_EQ(fields_.sections()[0].path, "inner");
  EXPECT_EQ(fields_.find("inner"), nullptr);
}

TEST_F(FieldsTest, ShowsTypesValuesAndRanges) {
  EXPECT_EQ(field("size").type_name(), "integer");
  EXPECT_EQ(field("widths").type_name(), "list of integer");
  EXPECT_EQ(field("widths").value_text(), "[1, 2]");
  EXPECT_EQ(field("shuffle").value_text(), "true");
  EXPECT_EQ(field("inner.kind").value_text(), "\"adam\"");
  EXPECT_EQ(field("inner.rate").value_text(), "0.1");
  EXPECT_EQ(field("inner.rate").range_text(), "0 < value <= 1");
  EXPECT_EQ(field("inner.kind").range_text(), "one of: adam, sgd");
  EXPECT_EQ(field("shuffle").range_text(), "");
}

TEST_F(FieldsTest, ValuesAreThoseOfTheStruct) {
  outer_.inner.rate = 0.25;
  EXPECT_EQ(field("inner.rate").value_text(), "0.25");
}

TEST_F(FieldsTest, ChecksBounds) {
  EXPECT_TRUE(legal("inner.rate"));
  for (const double bad : {0.0, -1.0, 1.5, std::numeric_limits<double>::quiet_NaN(),
                           std::numeric_limits<double>::infinity()}) {
    outer_.inner.rate = bad;
    EXPECT_FALSE(legal("inner.rate")) << bad;
    EXPECT_NE(problem_.find("0 < value <= 1"), std::string::npos) << problem_;
  }
  outer_.size = 0;
  EXPECT_FALSE(legal("size"));
  outer_.widths = {3, 0};
  EXPECT_FALSE(legal("widths"));
}

TEST_F(FieldsTest, SuggestsANearChoice) {
  outer_.inner.kind = "adm";
  EXPECT_FALSE(legal("inner.kind"));
  EXPECT_NE(problem_.find("did you mean \"adam\"?"), std::string::npos) << problem_;
}

TEST(FieldText, QuotesWhatYamlWouldReadDifferently) {
  std::string text = "a \"b\"\n\\";
  Fields fields;
  fields.add("text", text, "");
  EXPECT_EQ(fields.all()[0].value_text(), "\"a \\\"b\\\"\\u000a\\\\\"");
}

TEST(NearestName, FindsTyposOnly) {
  const std::vector<std::string> names{"learning_rate", "momentum"};
  EXPECT_EQ(nearest_name("learing_rate", names), "learning_rate");
  EXPECT_EQ(nearest_name("xyz", names), "");
}

}  // namespace
}  // namespace lockstep
