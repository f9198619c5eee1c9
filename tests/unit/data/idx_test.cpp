#include "data/import/idx.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "data/base/fields.h"
#include "data/dataset.h"
#include "tests/unit/base/temp_folder.h"
#include "tests/unit/data/idx_files.h"

namespace lockstep {
namespace {

using testing::expect_error;
namespace fs = std::filesystem;

std::string compressed(const std::string& bytes, const fs::path& scratch) {
  gzFile file = gzopen(scratch.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  return read_file(scratch);
}

class IdxTest : public ::testing::Test {
 protected:
  IdxTest() : source_(folder_ / "source"), out_(folder_ / "out") {
    testing::write_idx_files(source_);
    tool_->describe(fields_);
  }

  void import() { tool_->run({source_}, out_, {}); }
  void put(const char* name, const std::string& bytes) {
    write_file_atomically(source_ / name, bytes);
  }
  void expect_failure(ExitCode code, const char* message) {
    SCOPED_TRACE(message);
    expect_error(code, message, [&] { import(); });
    EXPECT_EQ(folder_.entries(), 1U) << "something is left behind";
  }
  template <class T>
  void set(const char* option, T value) {
    *std::get<T*>(fields_.find(option)->target) = value;
  }

  testing::TempFolder folder_;
  fs::path source_;
  fs::path out_;
  std::unique_ptr<DataTool> tool_ = idx_importer().make();
  Fields fields_;
};

TEST_F(IdxTest, ImagesBecomeSequencesOfRows) {
  import();
  const Dataset dataset(out_);
  const StreamSchema& inputs = dataset.manifest().stream("inputs");
  EXPECT_EQ(inputs.features, 3);
  EXPECT_EQ(inputs.element, ElementType::u8);
  EXPECT_DOUBLE_EQ(inputs.scale, 1.0 / 255);
  EXPECT_EQ(dataset.manifest().stream("classes").num_classes, 3);
  const Split split = dataset.open_split("train");
  ASSERT_EQ(split.size(), 20);
  EXPECT_EQ(dataset.open_split("test").size(), 6);
  for (int64_t id = 0; id < 20; ++id) {
    ASSERT_EQ(split.length(id, 0), 4);
    ASSERT_EQ(split.length(id, 1), 1);
    std::vector<uint8_t> image(12);
    split.read(id, 0, image.data());
    for (int64_t i = 0; i < 12; ++i) EXPECT_EQ(image[static_cast<size_t>(i)], (id * 12 + i) % 251);
    EXPECT_EQ(split.symbols(id, 1), std::vector<int64_t>{id % 3});
  }
}

TEST_F(IdxTest, OtherSpellingsGiveTheSameData) {
  import();
  const std::string plain = read_manifest(out_).splits[0].shards[0].sha256;
  fs::remove_all(out_);
  put("train-images.idx3-ubyte.gz",
      compressed(read_file(source_ / "train-images-idx3-ubyte"), folder_ / "gz"));
  put("t10k-labels.idx1-ubyte", read_file(source_ / "t10k-labels-idx1-ubyte"));
  fs::remove(source_ / "train-images-idx3-ubyte");
  fs::remove(source_ / "t10k-labels-idx1-ubyte");
  import();
  EXPECT_EQ(read_manifest(out_).splits[0].shards[0].sha256, plain);
}

TEST_F(IdxTest, ValidationComesFromTheEndOfTraining) {
  set("validation_fraction", 0.25);
  set("max_shard_samples", int64_t{4});
  import();
  const Dataset dataset(out_);
  EXPECT_EQ(dataset.open_split("train").size(), 15);
  EXPECT_EQ(dataset.manifest().find_split("train")->shards.size(), 4U);
  const Split validation = dataset.open_split("validation");
  ASSERT_EQ(validation.size(), 5);
  int32_t label = -1;
  validation.read(0, 1, &label);
  EXPECT_EQ(label, 15 % 3);
}

TEST_F(IdxTest, AnEmptyFolderIsFilledAndAFullOneRefused) {
  fs::create_directory(out_);
  import();
  expect_error(ExitCode::usage, "is not an empty folder", [&] { import(); });
  EXPECT_NO_THROW(read_manifest(out_));
}

TEST_F(IdxTest, MakesParentsAndTakesThemBack) {
  out_ = folder_ / "a/b/c/";
  put("t10k-labels-idx1-ubyte", "x");
  EXPECT_THROW(import(), Error);
  EXPECT_FALSE(fs::exists(folder_ / "a"));
  put("t10k-labels-idx1-ubyte", testing::idx_labels(6));
  import();
  EXPECT_NO_THROW(read_manifest(out_));
}

TEST_F(IdxTest, NamesAllFilesThatAreMissing) {
  fs::remove(source_ / "train-labels-idx1-ubyte");
  fs::remove(source_ / "t10k-images-idx3-ubyte");
  expect_failure(ExitCode::missing, "train-labels-idx1-ubyte");
  expect_failure(ExitCode::missing, "t10k-images-idx3-ubyte");
  source_ = folder_ / "nowhere";
  expect_failure(ExitCode::missing, "nowhere: is not a folder");
}

TEST_F(IdxTest, TakesOneSource) {
  expect_error(ExitCode::usage, "one folder, not 2", [&] {
    tool_->run({source_, source_}, out_, {});
  });
}

struct BadFile {
  const char* file;
  std::string bytes;
  const char* message;
};

TEST_F(IdxTest, RefusesDamagedFilesWithFileAndOffset) {
  using testing::idx;
  const char* const images = "train-images-idx3-ubyte";
  const char* const labels = "train-labels-idx1-ubyte";
  const std::string good = testing::idx_images(20);
  const std::string floats = std::string{0, 0, 13, 3} + good.substr(4);
  const std::vector<BadFile> table{
      {images, "", "at byte 0: the file ends too early"},
      {images, good.substr(0, 3), "at byte 3: the file ends too early"},
      {images, good.substr(0, 9), "the file ends too early"},
      {images, "PK\3\4" + good.substr(4), "at byte 0: the magic number is 504b0304"},
      {images, floats, "the magic number is 00000d03"},
      {images, testing::idx_labels(20), "the magic number is 00000801"},
      {labels, good, "the magic number is 00000803"},
      {images, good.substr(0, good.size() - 1), "train-images-idx3-ubyte: at byte 16: 20 items"},
      {images, good + "x", "make a file of 256 bytes, but it has 257"},
      {images, idx({20, 0, 3}, ""), "dimension 1 is zero"},
      {images, idx({20, 0xffffffff, 0xffffffff}, "x"), "one item would take more than"},
      {images, idx({0xffffffff, 4096, 4096}, "x"), "make a file of"},
      {images, testing::idx_images(19), "holds 19 images, but"},
      {labels, testing::idx_labels(21), "holds 21 labels"},
      {"t10k-images-idx3-ubyte", idx({6, 4, 2}, std::string(48, 'x')), "has 2 columns"},
  };
  for (const BadFile& bad : table) {
    const std::string before = read_file(source_ / bad.file);
    put(bad.file, bad.bytes);
    expect_failure(ExitCode::corrupt, bad.message);
    put(bad.file, before);
  }
}

TEST_F(IdxTest, RefusesNoImages) {
  put("train-images-idx3-ubyte", testing::idx_images(0));
  put("train-labels-idx1-ubyte", testing::idx_labels(0));
  expect_failure(ExitCode::corrupt, "holds no images");
}

TEST_F(IdxTest, RefusesDamagedCompressedFiles) {
  fs::remove(source_ / "train-images-idx3-ubyte");
  const char* const name = "train-images-idx3-ubyte.gz";
  const auto pack = [&](const std::string& bytes) {
    std::string packed = compressed(bytes, folder_ / "gz");
    fs::remove(folder_ / "gz");
    return packed;
  };
  const std::string good = pack(testing::idx_images(20));
  put(name, good.substr(0, good.size() / 2));
  expect_failure(ExitCode::corrupt, name);
  put(name, good.substr(0, good.size() - 4));
  expect_failure(ExitCode::corrupt, name);
  std::string flipped = good;
  flipped[good.size() / 2] = static_cast<char>(flipped[good.size() / 2] ^ 1);
  put(name, flipped);
  expect_failure(ExitCode::corrupt, name);
  put(name, pack(testing::idx_images(20) + "x"));
  expect_failure(ExitCode::corrupt, "at byte 256: there are more bytes than the dimensions say");
  put(name, pack(testing::idx({0xffffffff, 4096, 4096}, "x")));
  expect_failure(ExitCode::corrupt, "but");
}

}  // namespace
}  // namespace lockstep
