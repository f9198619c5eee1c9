#include "trainer/safetensors.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>

#include "tests/unit/store/test_support.h"

namespace lockstep {
namespace {

using testing::code_of;
using ::testing::HasSubstr;
using testing::run_python;
using testing::text_of;

std::string with_header(const std::string& header, size_t data_bytes) {
  const uint64_t size = header.size();
  std::string bytes(reinterpret_cast<const char*>(&size), sizeof size);
  return bytes + header + std::string(data_bytes, '\0');
}

std::string one_tensor(const std::string& fields, size_t data_bytes = 8) {
  return with_header("{\"a\":{" + fields + "}}", data_bytes);
}

std::string refusal(const std::string& bytes) {
  EXPECT_EQ(code_of([&] { from_safetensors(bytes, "model.safetensors"); }), ExitCode::corrupt);
  return text_of([&] { from_safetensors(bytes, "model.safetensors"); });
}

TEST(Safetensors, RoundTripKeepsEveryBit) {
  const std::vector<float> weights = {1.5F, -0.0F, std::nanf("7"), INFINITY, 1e-45F, 3.4e38F};
  const float bias = 0.1F;
  const std::string bytes = to_safetensors(
      {{"weights", {2, 3}, weights.data()}, {"bias", {}, &bias}, {"nothing", {0, 4}, nullptr}},
      {{"format", "pt"}});
  const auto read = from_safetensors(bytes, "x");
  ASSERT_EQ(read.size(), 3U);
  EXPECT_EQ(read.at("weights").shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(std::memcmp(read.at("weights").values.data(), weights.data(), sizeof(float) * 6), 0);
  EXPECT_EQ(read.at("bias").values, std::vector<float>{0.1F});
  EXPECT_TRUE(read.at("bias").shape.empty());
  EXPECT_TRUE(read.at("nothing").values.empty());
}

TEST(Safetensors, DataIsAligned) {
  const float value = 1;
  for (const std::string name : {"a", "ab", "abcdefghijklmnopqrstuvwxyz"}) {
    const std::string bytes = to_safetensors({{name, {1}, &value}});
    EXPECT_EQ((bytes.size() - sizeof value) % 64, 0U);
  }
}

TEST(Safetensors, NoTensorsAtAll) {
  EXPECT_TRUE(from_safetensors(to_safetensors({}), "x").empty());
}

TEST(Safetensors, RefusesToWriteTwoTensorsOfOneName) {
  const float value = 1;
  const std::vector<TensorView> twice = {{"a", {1}, &value}, {"a", {1}, &value}};
  EXPECT_EQ(code_of([&] { to_safetensors(twice); }), ExitCode::bug);
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const std::vector<float> values = {1, 2, 3};
  const std::string bytes = to_safetensors({{"a", {3}, values.data()}});
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(code_of([&] { from_safetensors(bytes.substr(0, size), "x"); }), ExitCode::corrupt)
        << size;
  }
  EXPECT_THAT(refusal(bytes + "x"), HasSubstr("the file has 13"));
}

TEST(Safetensors, HostileHeadersAreRefused) {
  const std::string good = R"("dtype":"F32","shape":[2],"data_offsets":[0,8])";
  ASSERT_EQ(from_safetensors(one_tensor(good), "x").size(), 1U);

  std::string huge(8, '\xff');
  EXPECT_THAT(refusal(huge), HasSubstr("over 16 MiB"));
  EXPECT_THAT(refusal(with_header("[]", 0)), HasSubstr("does not begin with {"));
  EXPECT_THAT(refusal(with_header("{", 0)), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal(with_header("{\"a\":" + std::string(100000, '['), 0)), HasSubstr("nested"));
  EXPECT_THAT(refusal(with_header("{\"a\":{" + good + "},\"a\":{" + good + "}}", 8)),
              HasSubstr("twice"));
  EXPECT_THAT(refusal(one_tensor(good + R"(,"shape":[2])")), HasSubstr("twice"));
  EXPECT_THAT(refusal(one_tensor(good + R"(,"extra":1)")), HasSubstr("other fields"));
  EXPECT_THAT(refusal(one_tensor(R"("dtype":"BF16","shape":[4],"data_offsets":[0,8])")),
              HasSubstr("BF16"));
  EXPECT_THAT(refusal(one_tensor(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])")),
              HasSubstr("whole number"));
  EXPECT_THAT(refusal(one_tensor(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])")),
              HasSubstr("whole number"));
  EXPECT_THAT(refusal(one_tensor(R"("dtype":"F32","shape":2,"data_offsets":[0,8])")),
              HasSubstr("list"));
  EXPECT_THAT(refusal(one_tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0])")),
              HasSubstr("pair"));
  EXPECT_THAT(refusal(one_tensor(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])")),
              HasSubstr("backwards"));
  EXPECT_THAT(refusal(one_tensor(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])")),
              HasSubstr("fit"));
  EXPECT_THAT(refusal(with_header(R"({"__metadata__":{"a":1}})", 0)), HasSubstr("__metadata__"));
}

TEST(Safetensors, ShapesThatOverflowAreRefused) {
  // 2^62 x 4 elements of 4 bytes are 2^66 bytes: 0 in 64 bits.
  EXPECT_THAT(refusal(one_tensor(
                  R"("dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0])", 0)),
              HasSubstr("overflows"));
  EXPECT_THAT(
      refusal(one_tensor(R"("dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8])")),
      HasSubstr("too large"));
  EXPECT_THAT(refusal(one_tensor(R"("dtype":"F32","shape":[2],"data_offsets":[9223372036854775800,)"
                                 R"(9223372036854775808])")),
              HasSubstr("hole"));
}

TEST(Safetensors, OverlapsAndHolesAreRefused) {
  const auto two = [](const std::string& first, const std::string& second) {
    const std::string fields = R"("dtype":"F32","shape":[2],"data_offsets":)";
    return "{\"a\":{" + fields + first + "},\"b\":{" + fields + second + "}}";
  };
  EXPECT_EQ(from_safetensors(with_header(two("[8,16]", "[0,8]"), 16), "x").size(), 2U);
  EXPECT_THAT(refusal(with_header(two("[0,8]", "[0,8]"), 8)), HasSubstr("overlaps"));
  EXPECT_THAT(refusal(with_header(two("[0,8]", "[4,12]"), 12)), HasSubstr("overlaps"));
  EXPECT_THAT(refusal(with_header(two("[0,8]", "[12,20]"), 20)), HasSubstr("hole before \"b\""));
  EXPECT_THAT(refusal(with_header(two("[4,12]", "[12,20]"), 20)), HasSubstr("hole before \"a\""));
  EXPECT_THAT(refusal(with_header(two("[0,8]", "[8,16]"), 20)), HasSubstr("the file has 20"));
}

TEST(Safetensors, PythonReadsWhatWeWrite) {
  if (testing::python().empty()) GTEST_SKIP() << "LOCKSTEP_PYTHON is not set";
  const testing::TempFolder folder;
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  testing::write_all(folder.path() / "ours",
                     to_safetensors({{"z", {2, 3}, values.data()}, {"a", {2}, values.data() + 4}}));
  EXPECT_EQ(run_python("from safetensors.numpy import load_file\n"
                       "t = load_file(\"" +
                       (folder.path() / "ours").string() +
                       "\")\n"
                       "assert sorted(t) == [\"a\", \"z\"], t\n"
                       "assert t[\"z\"].tolist() == [[1, 2, 3], [4, 5, 6]], t\n"
                       "assert t[\"a\"].tolist() == [5, 6], t\n"),
            0);
}

TEST(Safetensors, WeReadWhatPythonWrites) {
  if (testing::python().empty()) GTEST_SKIP() << "LOCKSTEP_PYTHON is not set";
  const testing::TempFolder folder;
  const std::string path = (folder.path() / "theirs").string();
  ASSERT_EQ(
      run_python("import numpy as n\n"
                 "from safetensors.numpy import save_file\n"
                 "save_file({\"b\": n.arange(6, dtype=n.float32).reshape(3, 2),\n"
                 "           \"a\": n.zeros((0, 5), n.float32), \"c\": n.array(2.5, n.float32)},\n"
                 "          \"" +
                 path + "\", {\"made by\": \"numpy\"})\n"),
      0);
  const auto tensors = from_safetensors(testing::read_all(path), path);
  ASSERT_EQ(tensors.size(), 3U);
  EXPECT_EQ(tensors.at("b").values, (std::vector<float>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(tensors.at("b").shape, (std::vector<int64_t>{3, 2}));
  EXPECT_EQ(tensors.at("a").shape, (std::vector<int64_t>{0, 5}));
  EXPECT_EQ(tensors.at("c").values, std::vector<float>{2.5F});
}

}  // namespace
}  // namespace lockstep
