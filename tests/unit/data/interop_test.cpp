// Our shards against h5py, which shares no code of ours: tests/interop/shards.py is the other side.
#include <gtest/gtest.h>

#include "data/shard_reader.h"
#include "tests/interop/run_python.h"
#include "tests/unit/base/temp_folder.h"
#include "tests/unit/data/small_dataset.h"

namespace lockstep {
namespace {

class InteropTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (testing::python() == nullptr) GTEST_SKIP() << "LOCKSTEP_PYTHON is not set (ctest sets it)";
  }

  testing::TempFolder folder_;
};

TEST_F(InteropTest, H5pyReadsOurs) {
  testing::write_ragged(folder_.path(), 47, {.max_sequences = 20});
  EXPECT_EQ(testing::run_python("interop/shards.py", {"check", folder_.path().string()}), 0);
}

TEST_F(InteropTest, H5pyReadsOursWithCompression) {
  testing::write_ragged(folder_.path(), 47, {.max_sequences = 20, .compression = 6});
  EXPECT_EQ(testing::run_python("interop/shards.py", {"check", folder_.path().string()}), 0);
}

TEST_F(InteropTest, WeReadH5pys) {
  const std::filesystem::path file = folder_ / "foreign.h5";
  ASSERT_EQ(testing::run_python("interop/shards.py", {"write", file.string()}), 0);
  const ShardReader reader(file, testing::ragged_schema());
  ASSERT_EQ(reader.sequences(), 30);
  testing::expect_ragged_sequences(reader, 30);
}

}  // namespace
}  // namespace lockstep
