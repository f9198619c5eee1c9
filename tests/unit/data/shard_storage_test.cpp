// The ways a shard's rows can lie in a file, each read back row by row.
#include <gtest/gtest.h>

#include "data/shard_hdf5.h"
#include "data/shard_reader.h"
#include "data/shard_writer.h"
#include "tests/unit/base/temp_folder.h"
#include "tests/unit/data/small_dataset.h"

namespace lockstep {
namespace {

constexpr int64_t kSequences = 500;
constexpr int64_t kSteps = 40;
constexpr int64_t kFeatures = 25;  // 4 bytes each: 2,000,000 bytes, several chunks

StreamSchema wide_schema() {
  StreamSchema inputs;
  inputs.name = "inputs";
  inputs.element = ElementType::i32;
  inputs.features = kFeatures;
  return inputs;
}

std::vector<int32_t> wide_sequence(int64_t id) {
  std::vector<int32_t> values(kSteps * kFeatures);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<int32_t>(id * 1000000 + static_cast<int64_t>(i));
  }
  return values;
}

class StorageTest : public ::testing::Test {
 protected:
  StorageTest() : path_(folder_ / "train-00000.h5") {
    ShardWriter writer(folder_.path(), "train", {wide_schema()});
    for (int64_t id = 0; id < kSequences; ++id) {
      writer.append({{wide_sequence(id).data(), kSteps}}, std::to_string(id));
    }
    writer.finish();
  }

  /// Writes the inputs anew with another type or another way of storage.
  void store(hid_t type, hsize_t chunk_rows, hsize_t chunk_columns, bool deflate) {
    std::vector<int32_t> all;
    for (int64_t id = 0; id < kSequences; ++id) {
      const std::vector<int32_t> values = wide_sequence(id);
      all.insert(all.end(), values.begin(), values.end());
    }
    const Hdf5Session session;
    const Hdf5Id file = owned_file(H5Fopen(path_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
    H5Ldelete(file.get(), "inputs", H5P_DEFAULT);
    const Hdf5Id space = memory_rows(2, kSequences * kSteps, kFeatures);
    const Hdf5Id creation = owned_properties(H5Pcreate(H5P_DATASET_CREATE));
    const std::array<hsize_t, 2> chunk{chunk_rows, chunk_columns};
    if (chunk_rows > 0) H5Pset_chunk(creation.get(), 2, chunk.data());
    if (deflate) {
      H5Pset_shuffle(creation.get());
      H5Pset_deflate(creation.get(), 1);
    }
    const Hdf5Id dataset = owned_dataset(H5Dcreate2(file.get(), "inputs", type, space.get(),
                                                    H5P_DEFAULT, creation.get(), H5P_DEFAULT));
    ASSERT_GE(H5Dwrite(dataset.get(), H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()),
              0);
  }

  void expect_all(ShardReader& reader) const {
    std::vector<int32_t> found(kSteps * kFeatures);
    for (int64_t i = 0; i < kSequences; ++i) {
      const int64_t id = i * 7 % kSequences;
      ASSERT_EQ(reader.length(id, 0), kSteps);
      reader.read(id, 0, found.data());
      ASSERT_EQ(found, wide_sequence(id)) << id;
    }
  }

  /// Reads everything from the file, and once more from memory.
  void expect_all() const {
    ShardReader reader(path_, {wide_schema()});
    EXPECT_EQ(reader.sequences(), kSequences);
    expect_all(reader);
    EXPECT_EQ(reader.keep_in_memory(0, 100), 0);
    EXPECT_EQ(reader.keep_in_memory(0, 1 << 30), kSequences * kSteps * kFeatures * 4);
    expect_all(reader);
  }

  bool is_direct(VouchedBy vouched_by = VouchedBy::manifest) const {
    const ShardFile file(path_, vouched_by);
    return ShardDataset(file, "inputs", ElementType::i32, 2, kFeatures).is_direct();
  }

  testing::TempFolder folder_;
  std::filesystem::path path_;
};

TEST_F(StorageTest, AsTheWriterDoesIt) {
  EXPECT_TRUE(is_direct());
  EXPECT_FALSE(is_direct(VouchedBy::itself));  // libhdf5 compares the checksums
  expect_all();
}

TEST_F(StorageTest, Contiguous) {
  store(H5T_STD_I32LE, 0, 0, false);
  EXPECT_TRUE(is_direct());
  expect_all();
}

TEST_F(StorageTest, ChunksThatCutSequences) {
  store(H5T_STD_I32LE, 33, kFeatures, false);
  EXPECT_TRUE(is_direct());
  expect_all();
}

TEST_F(StorageTest, ChunksThatCutRows) {
  store(H5T_STD_I32LE, 512, 10, false);
  EXPECT_FALSE(is_direct());
  expect_all();
}

TEST_F(StorageTest, Compressed) {
  store(H5T_STD_I32LE, 512, kFeatures, true);
  EXPECT_FALSE(is_direct());
  expect_all();
}

TEST_F(StorageTest, TheWriterCompresses) {
  const auto plain = std::filesystem::file_size(path_);
  for (const int64_t level : {1, 9}) {
    ShardWriter writer(folder_.path(), "train", {wide_schema()}, {.compression = level});
    for (int64_t id = 0; id < kSequences; ++id) {
      writer.append({{wide_sequence(id).data(), kSteps}}, std::to_string(id));
    }
    const SplitInfo info = writer.finish();
    EXPECT_LT(info.shards[0].bytes, static_cast<int64_t>(plain) / 5) << level;
    EXPECT_FALSE(is_direct());
    expect_all();
  }
}

TEST_F(StorageTest, EqualBytesCompressToALotAndAreStillAccepted) {
  StreamSchema schema = wide_schema();
  ShardWriter writer(folder_.path(), "zeros", {schema}, {.compression = 9});
  const std::vector<int32_t> zeros(1000 * kFeatures);
  for (int64_t id = 0; id < 300; ++id) writer.append({{zeros.data(), 1000}}, "zero");
  const SplitInfo info = writer.finish();
  EXPECT_LT(info.shards[0].bytes, 300 * 1000 * kFeatures * 4 / 300);
  EXPECT_EQ(ShardReader(folder_ / "zeros-00000.h5", {schema}).steps(0), 300000);
}

TEST_F(StorageTest, BigEndian) {
  store(H5T_STD_I32BE, 512, kFeatures, false);
  EXPECT_FALSE(is_direct());
  expect_all();
}

}  // namespace
}  // namespace lockstep
