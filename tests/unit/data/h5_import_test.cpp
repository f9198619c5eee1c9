// HDF5 files of other programs, written by h5py in tests/interop/shards.py.
#include "data/import/h5.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/base/atomic_file.h"
#include "data/base/error.h"
#include "data/dataset.h"
#include "data/shard_hdf5.h"
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

TEST_F(H5ImportTest, RefusesDataThatDoNotMatchTheirChecksum) {
  testing::write_images(folder_.path(), 16);
  const std::filesystem::path file = folder_ / "train-00000.h5";
  EXPECT_NO_THROW(import(file, {}));
  std::filesystem::remove_all(out_);
  int64_t place = 0;
  {
    const Hdf5Session session;
    const Hdf5Id shard = owned_file(H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
    const Hdf5Id inputs = owned_dataset(H5Dopen2(shard.get(), "inputs", H5P_DEFAULT));
    const hsize_t first[2] = {0, 0};
    unsigned skipped_filters = 0;
    haddr_t address = 0;
    hsize_t bytes = 0;
    ASSERT_GE(H5Dget_chunk_info_by_coord(inputs.get(), first, &skipped_filters, &address, &bytes),
              0);
    place = static_cast<int64_t>(address);
  }
  std::string bytes = read_file(file);
  bytes[static_cast<size_t>(place) + 7] ^= 1;
  write_file_atomically(file, bytes);
  testing::expect_error(ExitCode::corrupt, "a checksum does not match", [&] { import(file, {}); });
  EXPECT_FALSE(std::filesystem::exists(out_));
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
