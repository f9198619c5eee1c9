// Every kind of shard that must be refused, and in which words.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "data/base/atomic_file.h"
#include "data/base/sha256.h"
#include "data/dataset.h"
#include "data/shard_hdf5.h"
#include "data/shard_reader.h"
#include "tests/unit/base/temp_folder.h"
#include "tests/unit/data/small_dataset.h"

namespace lockstep {
namespace {

using testing::expect_error;

class BadShardTest : public ::testing::Test {
 protected:
  BadShardTest() : manifest_(testing::write_images(folder_.path(), 40)) {}

  std::filesystem::path shard(int index) const {
    return folder_ / fmt::format("train-{:05}.h5", index);
  }
  void open(bool verify = true) const { Dataset(folder_.path()).open_split("train", {verify}); }
  /// Makes the manifest agree with the file again, so that only its structure is wrong.
  void bless(int index) {
    ShardInfo& info = manifest_.splits[0].shards[static_cast<size_t>(index)];
    info.bytes = static_cast<int64_t>(std::filesystem::file_size(shard(index)));
    info.sha256 = sha256_of_file(shard(index));
    write_manifest(folder_.path(), manifest_);
  }
  void flip(int index, std::streamoff offset) const {
    std::fstream file(shard(index), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(offset);
    const int byte = file.get();
    file.seekp(offset);
    file.put(static_cast<char>(byte ^ 1));
  }

  testing::TempFolder folder_;
  Manifest manifest_;
};

TEST_F(BadShardTest, AllMissingOnesAreListed) {
  std::filesystem::remove(shard(0));
  std::filesystem::remove(shard(2));
  std::filesystem::create_symlink("nowhere", shard(2));
  expect_error(ExitCode::missing, "train-00000.h5: is not there", [&] { open(); });
  expect_error(ExitCode::missing, "train-00002.h5: is not there", [&] { open(); });
}

TEST_F(BadShardTest, AllDamagedOnesAreListed) {
  flip(0, 3000);
  std::filesystem::resize_file(shard(1), 0);
  std::filesystem::resize_file(shard(2), 1000);
  expect_error(ExitCode::corrupt, "train-00000.h5: its SHA-256", [&] { open(); });
  expect_error(ExitCode::corrupt, "train-00001.h5: has 0 bytes", [&] { open(); });
  expect_error(ExitCode::corrupt, "train-00002.h5: has 1000 bytes", [&] { open(); });
}

TEST_F(BadShardTest, AFolderIsNoShard) {
  std::filesystem::remove(shard(0));
  std::filesystem::create_directory(shard(0));
  expect_error(ExitCode::corrupt, "is not a regular file", [&] { open(); });
}

TEST_F(BadShardTest, EveryFlippedByteIsFound) {
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(shard(1)));
  for (std::streamoff offset = 0; offset < size; offset += 101) {
    flip(1, offset);
    EXPECT_THROW(open(), Error) << offset;
    flip(1, offset);
  }
  EXPECT_NO_THROW(open());
}

TEST_F(BadShardTest, TruncationIsFoundByStructureToo) {
  const std::string bytes = read_file(shard(1));
  for (size_t size = 0; size < bytes.size(); size += 97) {
    write_file_atomically(shard(1), std::string_view(bytes).substr(0, size));
    bless(1);
    EXPECT_THROW(open(), Error) << size;
  }
}

TEST_F(BadShardTest, TruncationEverywhereIsFound) {
  const std::string bytes = read_file(shard(0));
  for (size_t size = 0; size < bytes.size(); size += 512) {
    std::filesystem::resize_file(shard(0), bytes.size());
    write_file_atomically(shard(0), std::string_view(bytes).substr(0, size));
    expect_error(ExitCode::corrupt, "train-00000.h5: has", [&] { open(); });
    expect_error(ExitCode::corrupt, "train-00000.h5: has", [&] { open(false); });
  }
}

/// Bytes changed in place while a split is open: small enough splits are in memory and safe.
TEST_F(BadShardTest, AShardRewrittenInUseIsNoticed) {
  const ShardReader reader(shard(0), testing::image_schema());
  std::vector<char> values(20);
  EXPECT_NO_THROW(reader.read(0, 0, values.data()));
  flip(0, 3000);
  std::filesystem::last_write_time(shard(0), std::filesystem::file_time_type::clock::now());
  expect_error(ExitCode::corrupt, "was replaced or written to while it was in use", [&] {
    for (int i = 0; i < 1000; ++i) reader.read(i % 16, 0, values.data());
  });
}

/// A rename puts another file there; who has opened the old one goes on reading that.
TEST_F(BadShardTest, AShardReplacedInUseStaysTheOldOne) {
  const ShardReader reader(shard(0), testing::image_schema());
  write_file_atomically(shard(0), std::string(10000, 'x'));
  std::vector<uint8_t> values(20);
  for (int64_t i = 0; i < 16; ++i) {
    reader.read(i, 0, values.data());
    EXPECT_EQ(values[0], i * 20 % 256);
  }
  expect_error(ExitCode::corrupt, "train-00000.h5: has 10000 bytes", [&] { open(); });
}

TEST_F(BadShardTest, WhatIsNotHdf5IsRefused) {
  write_file_atomically(shard(0), std::string(5000, 'x'));
  bless(0);
  expect_error(ExitCode::corrupt, "is not an HDF5 file", [&] { open(); });
}

TEST_F(BadShardTest, WithoutChecksumsTheStructureIsStillChecked) {
  flip(0, 3000);
  EXPECT_NO_THROW(open(false));
  write_file_atomically(shard(1), std::string(std::filesystem::file_size(shard(1)), 'x'));
  expect_error(ExitCode::corrupt, "is not an HDF5 file", [&] { open(false); });
}

TEST_F(BadShardTest, CountsMustBeThoseOfTheManifest) {
  std::filesystem::copy_file(shard(2), shard(0), std::filesystem::copy_options::overwrite_existing);
  bless(0);
  expect_error(ExitCode::corrupt, "has 8 sequences; the manifest says 16", [&] { open(); });
}

TEST_F(BadShardTest, TheSchemaMustFit) {
  std::vector<StreamSchema> schema = testing::image_schema();
  const auto expect = [&](const char* message) {
    expect_error(ExitCode::corrupt, message, [&] { ShardReader(shard(0), schema); });
  };
  schema[0].element = ElementType::f32;
  expect("data set \"inputs\" holds u8; f32 is expected");
  schema = testing::image_schema();
  schema[1].element = ElementType::i64;
  expect("data set \"targets/data/classes\" holds i32; i64 is expected");
  schema = testing::image_schema();
  schema[0].features = 6;
  expect("inputPattSize\" says dimension 5; 6, 2 expected");
  schema = testing::image_schema(8);
  expect("targets/size@classes\" says dimension 7, rank 1; 8, 1 expected");
  schema = testing::image_schema();
  schema[1].name = "klasses";
  expect("targets/size@klasses\" is not there");
}

TEST(BadLabels, AreNamedWithFileSequenceAndValue) {
  const testing::TempFolder folder;
  testing::write_images(folder.path(), 40, 5);  // it writes labels up to 6
  expect_error(ExitCode::corrupt,
               "train-00000.h5: data set \"targets/data/classes\" holds 5 in sequence 5; its 5 "
               "classes are 0 to 4",
               [&] { Dataset(folder.path()).open_split("train"); });
}

}  // namespace
}  // namespace lockstep
