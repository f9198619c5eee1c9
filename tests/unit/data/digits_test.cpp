#include "data/generate/digits.h"

#include <gtest/gtest.h>

#include <sstream>

#include "data/base/atomic_file.h"
#include "data/dataset.h"
#include "data/inspect.h"
#include "tests/unit/base/temp_folder.h"

namespace lockstep {
namespace {

constexpr const char* kFonts = "/usr/share/fonts/truetype/dejavu";

class DigitsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kFonts)) GTEST_SKIP() << "fonts-dejavu-core is not installed";
  }

  void generate(const std::string& name, int64_t seed) const {
    const std::unique_ptr<DataTool> tool = digits_generator().make();
    Fields fields;
    tool->describe(fields);
    *std::get<int64_t*>(fields.find("train")->target) = 200;
    *std::get<int64_t*>(fields.find("test")->target) = 50;
    *std::get<int64_t*>(fields.find("seed")->target) = seed;
    *std::get<std::string*>(fields.find("fonts")->target) = kFonts;
    tool->run({}, folder_ / name, {});
  }

  testing::TempFolder folder_;
};

TEST_F(DigitsTest, MakesADataSetOfImages) {
  generate("a", 1);
  const Split split = Dataset(folder_ / "a").open_split("train");
  ASSERT_EQ(split.size(), 200);
  EXPECT_EQ(split.streams()[0].features, 28);
  EXPECT_EQ(split.streams()[1].num_classes, 10);
  std::vector<int64_t> labels(10);
  for (int64_t id = 0; id < 200; ++id) {
    std::vector<uint8_t> image(28 * 28);
    split.read(id, 0, image.data());
    const auto ink = std::count_if(image.begin(), image.end(), [](uint8_t v) { return v > 128; });
    EXPECT_GT(ink, 10) << id;
    EXPECT_LT(ink, 400) << id;
    int32_t label = 0;
    split.read(id, 1, &label);
    ++labels[static_cast<size_t>(label)];
  }
  for (const int64_t count : labels) EXPECT_GT(count, 5);
}

TEST_F(DigitsTest, SeedDecidesEveryByte) {
  generate("a", 1);
  generate("b", 1);
  generate("c", 2);
  const auto images = [&](const char* name) {
    return read_file(folder_ / name / "idx/train-images-idx3-ubyte");
  };
  EXPECT_EQ(images("a"), images("b"));
  EXPECT_NE(images("a"), images("c"));
  EXPECT_EQ(read_manifest(folder_ / "a").fingerprint(), read_manifest(folder_ / "b").fingerprint());
}

TEST_F(DigitsTest, InspectionShowsPicturesAndVerificationFindsDamage) {
  generate("a", 1);
  std::ostringstream text;
  inspect_dataset(folder_ / "a", text, 1);
  EXPECT_NE(text.str().find("split \"train\": 200 sequences of 28 to 28 steps"), std::string::npos);
  EXPECT_NE(text.str().find('@'), std::string::npos) << text.str();
  EXPECT_NO_THROW(verify_dataset(folder_ / "a", text, {}));
  std::filesystem::resize_file(folder_ / "a" / "test-00000.h5", 100);
  std::filesystem::remove(folder_ / "a" / "train-00000.h5");
  testing::expect_error(ExitCode::missing, "1 shards are missing and 1 damaged",
                        [&] { verify_dataset(folder_ / "a", text, {}); });
  EXPECT_NE(text.str().find("test-00000.h5            BAD"), std::string::npos);
}

TEST(DigitFonts, AreAskedForWhenThereAreNone) {
  const testing::TempFolder folder;
  write_new_file(folder / "broken.ttf", "not a font");
  const std::unique_ptr<DataTool> tool = digits_generator().make();
  Fields fields;
  tool->describe(fields);
  *std::get<std::string*>(fields.find("fonts")->target) = folder.path().string();
  testing::expect_error(ExitCode::missing, "fonts-dejavu-core",
                        [&] { tool->run({}, folder / "out", {}); });
  EXPECT_EQ(folder.entries(), 1U);
}

}  // namespace
}  // namespace lockstep
