// HDF5 files of other programs, written by h5py in tests/interop/shards.py.
#include "data/import/h5.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/base/error.h"
#include "data/dataset.h"
#include "tests/interop/run_python.h"
#include "tests/unit/base/temp_folder.h"
#include "tests/unit/data/small_dataset.h"
#include "tests/unit/data/tool_run.h"

namespace lockstep {
namespace {

class H5ImportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (testing::python() == nullptr) GTEST_SKIP() << "LOCKSTEP_PYTHON is not set (ctest sets it)";
  }
  /// A file of the first 30 ragged sequences.
  std::filesystem::path written(const std::string& verb) {
    const std::filesystem::path file = folder_ / (verb + ".h5");
    EXPECT_EQ(testing::run_python("interop/shards.py", {verb, file.string()}), 0);
    return file;
  }
  void import(const std::filesystem::path& file, const testing::ToolOptions& options) {
    testing::run_tool(h5_importer(), {file}, out_, options);
  }
  void expect_ragged_sequences() {
    const Dataset dataset(out_);
    const Split split = dataset.open_split("train");
    ASSERT_EQ(split.size(), 30);
    ASSERT_EQ(split.streams().size(), 3u);
    testing::expect_ragged_sequences(split, 30);
  }

  testing::TempFolder folder_;
  std::filesystem::path out_ = folder_ / "out";
};

TEST_F(H5ImportTest, ReadsReturnnsLayout) {
  import(written("write"), {});
  expect_ragged_sequences();
  EXPECT_EQ(Dataset(out_).manifest().streams[2].num_classes, 11);
}

TEST_F(H5ImportTest, ReadsArraysByName) {
  import(written("write_plain"), {{"inputs", "x"},
                                  {"lengths", "x_lengths"},
                                  { "target",
                                    "regression=y,words=z:z_lengths" }});
  expect_ragged_sequences();
}

TEST_F(H5ImportTest, RefusesLengthsThatDoNotFit) {
  const auto file = written("write_plain");
  for (const testing::ToolOptions& options :
       {testing::ToolOptions{{"inputs", "x"}, {"lengths", "bad_lengths"}},
        {{"inputs", "missing"}},
        {{"inputs", "x"}, {"lengths", "x_lengths"}, {"target", "malformed"}},
        {{"inputs", "x"}, {"lengths", "x_lengths"}, {"target", "words=z:bad_lengths"}}}) {
    EXPECT_THROW(import(file, options), Error);
    EXPECT_FALSE(std::filesystem::exists(out_));
  }
}

}  // namespace
}  // namespace lockstep
