// Shards that are sound HDF5 but are not what FORMAT.md allows, as an attacker would make them.
#include <gtest/gtest.h>
#include <zlib.h>

#include <array>
#include <functional>

#include "data/base/atomic_file.h"
#include "data/shard_hdf5.h"
#include "data/shard_reader.h"
#include "tests/unit/base/temp_folder.h"
#include "tests/unit/data/small_dataset.h"

namespace lockstep {
namespace {

/// Makes the data set `path` anew, with a creation list as `adjust` wants it.
void replace(hid_t file, const char* path, hid_t type, std::vector<hsize_t> extent,
             const std::function<void(hid_t creation)>& adjust = {}, const void* values = nullptr) {
  H5Ldelete(file, path, H5P_DEFAULT);
  const Hdf5Id space =
      owned_space(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr));
  const Hdf5Id creation = owned_properties(H5Pcreate(H5P_DATASET_CREATE));
  if (adjust) adjust(creation.get());
  const Hdf5Id dataset = owned_dataset(
      H5Dcreate2(file, path, type, space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT));
  ASSERT_TRUE(dataset.valid());
  if (values != nullptr) {
    ASSERT_GE(H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), 0);
  }
}

void set_chunk(hid_t creation, std::array<hsize_t, 2> chunk) {
  H5Pset_chunk(creation, 2, chunk.data());
}

std::vector<uint8_t> deflated(size_t zeros) {
  const std::vector<uint8_t> plain(zeros);
  std::vector<uint8_t> packed(::compressBound(plain.size()));
  uLongf bytes = packed.size();
  EXPECT_EQ(::compress(packed.data(), &bytes, plain.data(), plain.size()), Z_OK);
  packed.resize(bytes);
  return packed;
}

/// Makes the labels anew, in one chunk of which the file holds these bytes.
void replace_by_chunk(hid_t file, const std::vector<uint8_t>& stored, unsigned deflate_level) {
  const hsize_t count = 16;
  const hsize_t first = 0;
  replace(file, "targets/data/classes", H5T_STD_I32BE, {count}, [&](hid_t creation) {
    H5Pset_chunk(creation, 1, &count);
    if (deflate_level > 0) H5Pset_deflate(creation, deflate_level);
  });
  const Hdf5Id dataset = owned_dataset(H5Dopen2(file, "targets/data/classes", H5P_DEFAULT));
  ASSERT_GE(H5Dwrite_chunk(dataset.get(), H5P_DEFAULT, 0, &first, stored.size(), stored.data()), 0);
}

struct Attack {
  const char* name;
  const char* message;
  std::function<void(hid_t file)> change;
};

std::vector<Attack> attacks() {
  const std::vector<hsize_t> shape{64, 5};
  return {
      {"ExternalLink", "\"inputs\" is a link to somewhere else",
       [](hid_t file) {
         H5Ldelete(file, "inputs", H5P_DEFAULT);
         H5Lcreate_external("other.h5", "/inputs", file, "inputs", H5P_DEFAULT, H5P_DEFAULT);
       }},
      {"SoftLink", "is a link to somewhere else",
       [](hid_t file) {
         H5Lmove(file, "inputs", file, "moved", H5P_DEFAULT, H5P_DEFAULT);
         H5Lcreate_soft("/moved", file, "inputs", H5P_DEFAULT, H5P_DEFAULT);
       }},
      {"LinkedGroup", "is a link to somewhere else",
       [](hid_t file) {
         H5Lmove(file, "targets", file, "moved", H5P_DEFAULT, H5P_DEFAULT);
         H5Lcreate_soft("/moved", file, "targets", H5P_DEFAULT, H5P_DEFAULT);
       }},
      {"Absent", "\"inputs\" is not there",
       [](hid_t file) { H5Ldelete(file, "inputs", H5P_DEFAULT); }},
      {"Group", "cannot be opened, or is a group",
       [](hid_t file) {
         H5Ldelete(file, "inputs", H5P_DEFAULT);
         H5Gclose(H5Gcreate2(file, "inputs", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
       }},
      {"ExternalStorage", "keeps its data in another file",
       [=](hid_t file) {
         replace(file, "inputs", H5T_STD_U8LE, shape,
                 [](hid_t creation) { H5Pset_external(creation, "/etc/passwd", 0, 320); });
       }},
      {"VirtualLayout", "has a layout other than",
       [=](hid_t file) {
         replace(file, "inputs", H5T_STD_U8LE, shape, [&](hid_t creation) {
           const Hdf5Id space = owned_space(H5Screate_simple(2, shape.data(), nullptr));
           H5Pset_virtual(creation, space.get(), "other.h5", "/inputs", space.get());
         });
       }},
      {"VariableLength", "does not hold numbers",
       [=](hid_t file) {
         const Hdf5Id type = owned_type(H5Tvlen_create(H5T_NATIVE_UINT8));
         replace(file, "inputs", type.get(), shape);
       }},
      {"Compound", "does not hold numbers",
       [=](hid_t file) {
         const Hdf5Id type = owned_type(H5Tcreate(H5T_COMPOUND, 1));
         H5Tinsert(type.get(), "a", 0, H5T_NATIVE_UINT8);
         replace(file, "inputs", type.get(), shape);
       }},
      {"Reference", "does not hold numbers",
       [=](hid_t file) { replace(file, "inputs", H5T_STD_REF_OBJ, shape); }},
      {"RegionReference", "does not hold numbers",
       [=](hid_t file) { replace(file, "inputs", H5T_STD_REF_DSETREG, shape); }},
      {"Opaque", "does not hold numbers",
       [=](hid_t file) {
         const Hdf5Id type = owned_type(H5Tcreate(H5T_OPAQUE, 1));
         replace(file, "inputs", type.get(), shape);
       }},
      {"Enumeration", "does not hold numbers",
       [=](hid_t file) {
         const Hdf5Id type = owned_type(H5Tenum_create(H5T_STD_U8LE));
         const uint8_t value = 1;
         H5Tenum_insert(type.get(), "one", &value);
         replace(file, "inputs", type.get(), shape);
       }},
      {"Bits", "does not hold numbers",
       [=](hid_t file) { replace(file, "inputs", H5T_STD_B8LE, shape); }},
      {"ArrayType", "does not hold numbers",
       [=](hid_t file) {
         const hsize_t five = 5;
         const Hdf5Id type = owned_type(H5Tarray_create2(H5T_STD_U8LE, 1, &five));
         replace(file, "inputs", type.get(), {64});
       }},
      {"NarrowPrecision", "holds u8; u8 is expected",
       [=](hid_t file) {
         const Hdf5Id type = owned_type(H5Tcopy(H5T_STD_U8LE));
         H5Tset_precision(type.get(), 3);
         replace(file, "inputs", type.get(), shape);
       }},
      {"UserLink", "is a link to somewhere else",
       [](hid_t file) {
         static const H5L_class_t kind{
             H5L_LINK_CLASS_T_VERS,
             static_cast<H5L_type_t>(187),
             "own",
             nullptr,
             nullptr,
             nullptr,
             [](const char*, hid_t, const void*, size_t, hid_t, hid_t) -> hid_t { return -1; },
             nullptr,
             nullptr};
         H5Lregister(&kind);
         H5Ldelete(file, "inputs", H5P_DEFAULT);
         H5Lcreate_ud(file, "inputs", static_cast<H5L_type_t>(187), nullptr, 0, H5P_DEFAULT,
                      H5P_DEFAULT);
       }},
      {"ScalarData", "has 0 dimensions; 2 expected",
       [](hid_t file) {
         H5Ldelete(file, "inputs", H5P_DEFAULT);
         const Hdf5Id space = owned_space(H5Screate(H5S_SCALAR));
         H5Dclose(H5Dcreate2(file, "inputs", H5T_STD_U8LE, space.get(), H5P_DEFAULT, H5P_DEFAULT,
                             H5P_DEFAULT));
       }},
      {"Bits5Filter", "uses the filter",
       [=](hid_t file) {
         replace(file, "inputs", H5T_STD_U8LE, shape, [](hid_t creation) {
           set_chunk(creation, {64, 5});
           H5Pset_nbit(creation);
         });
       }},
      {"UnknownOptionalFilter", "uses the filter 32015",
       [=](hid_t file) {
         replace(file, "inputs", H5T_STD_U8LE, shape, [](hid_t creation) {
           set_chunk(creation, {64, 5});
           H5Pset_filter(creation, 32015, H5Z_FLAG_OPTIONAL, 0, nullptr);
         });
       }},
      {"MostRows", "more than a file of",
       [](hid_t file) {
         replace(file, "inputs", H5T_STD_U8LE, {(hsize_t{1} << 63) / 5, 5}, [](hid_t creation) {
           set_chunk(creation, {64, 5});
         });
       }},
      {"MoreRowsThanDeflateCanHold", "more than a file of",
       [](hid_t file) {
         replace(file, "inputs", H5T_STD_U8LE, {hsize_t{1} << 32, 5}, [](hid_t creation) {
           set_chunk(creation, {64, 5});
           H5Pset_deflate(creation, 9);
         });
       }},
      {"ManyColumns", "columns; 5 expected",
       [](hid_t file) {
         replace(file, "inputs", H5T_STD_U8LE, {64, hsize_t{1} << 60}, [](hid_t creation) {
           set_chunk(creation, {1, 5});
         });
       }},
      {"ThreeDimensions", "has 3 dimensions; 2 expected",
       [](hid_t file) {
         replace(file, "inputs", H5T_STD_U8LE, {64, 5, 1});
       }},
      {"OtherTypeOfLengths", "\"seqLengths\" holds i64; i32 is expected",
       [](hid_t file) {
         replace(file, "seqLengths", H5T_STD_I64LE, {16, 2});
       }},
      {"LabelsPastTheLast", "holds 7 in sequence 15; its 7 classes are 0 to 6",
       [](hid_t file) {
         std::vector<int32_t> labels(16, 6);
         labels[15] = 7;
         replace(file, "targets/data/classes", H5T_STD_I32LE, {16}, {}, labels.data());
       }},
      {"OtherType", "holds f64; u8 is expected",
       [=](hid_t file) { replace(file, "inputs", H5T_IEEE_F64LE, shape); }},
      {"Signed", "holds i8; u8 is expected",
       [=](hid_t file) { replace(file, "inputs", H5T_STD_I8LE, shape); }},
      {"OtherRank", "has 1 dimensions; 2 expected",
       [](hid_t file) { replace(file, "inputs", H5T_STD_U8LE, {320}); }},
      {"Transposed", "has 64 columns; 5 expected",
       [](hid_t file) {
         replace(file, "inputs", H5T_STD_U8LE, {5, 64});
       }},
      {"OtherFilter", "uses the filter",
       [=](hid_t file) {
         replace(file, "inputs", H5T_STD_U8LE, shape, [](hid_t creation) {
           set_chunk(creation, {64, 5});
           H5Pset_scaleoffset(creation, H5Z_SO_INT, 0);
         });
       }},
      {"LargeChunk", "has chunks of more than",
       [](hid_t file) {
         H5Ldelete(file, "inputs", H5P_DEFAULT);
         const std::array<hsize_t, 2> extent{64, 5};
         const std::array<hsize_t, 2> most{H5S_UNLIMITED, 5};
         const Hdf5Id space = owned_space(H5Screate_simple(2, extent.data(), most.data()));
         const Hdf5Id creation = owned_properties(H5Pcreate(H5P_DATASET_CREATE));
         set_chunk(creation.get(), {hsize_t{1} << 28, 5});
         H5Dclose(H5Dcreate2(file, "inputs", H5T_STD_U8LE, space.get(), H5P_DEFAULT, creation.get(),
                             H5P_DEFAULT));
       }},
      {"TooManyRows", "more than a file of",
       [](hid_t file) {
         replace(file, "inputs", H5T_STD_U8LE, {hsize_t{1} << 40, 5}, [](hid_t creation) {
           set_chunk(creation, {64, 5});
         });
       }},
      {"OtherRows", "has 63 rows, but the lengths of its sequences add up to 64",
       [](hid_t file) {
         replace(file, "inputs", H5T_STD_U8LE, {63, 5}, [](hid_t creation) {
           set_chunk(creation, {63, 5});
         });
       }},
      {"ShortChunk", "has a damaged chunk at row 0: it does not hold 64 bytes",
       [](hid_t file) { replace_by_chunk(file, std::vector<uint8_t>(32, 1), 0); }},
      {"ShortCompressedChunk", "has a damaged chunk at row 0: it does not hold 64 bytes",
       [](hid_t file) { replace_by_chunk(file, deflated(32), 9); }},
      {"LongCompressedChunk", "has a damaged chunk at row 0: it does not hold 64 bytes",
       [](hid_t file) { replace_by_chunk(file, deflated(1 << 20), 9); }},
      {"DeflateBeforeShuffle", "applies deflate twice, or before shuffle",
       [=](hid_t file) {
         replace(file, "inputs", H5T_STD_U8LE, shape, [](hid_t creation) {
           set_chunk(creation, {64, 5});
           H5Pset_deflate(creation, 9);
           H5Pset_shuffle(creation);
         });
       }},
      {"NegativeLength", "gives sequence 1 the length -4",
       [](hid_t file) {
         std::vector<int32_t> lengths(32, 4);
         lengths[2] = -4;
         replace(file, "seqLengths", H5T_STD_I32LE, {16, 2}, {}, lengths.data());
       }},
      {"ColumnsOfLengths", "\"seqLengths\" has 3 columns; 2 expected",
       [](hid_t file) {
         replace(file, "seqLengths", H5T_STD_I32LE, {16, 3});
       }},
      {"LargeLengths", "add up to",
       [](hid_t file) {
         const std::vector<int32_t> lengths(32, 2147483647);
         replace(file, "seqLengths", H5T_STD_I32LE, {16, 2}, {}, lengths.data());
       }},
      {"FewTags", "does not have one text for each",
       [](hid_t file) {
         const Hdf5Id type = owned_type(H5Tcopy(H5T_C_S1));
         H5Tset_size(type.get(), 8);
         replace(file, "seqTags", type.get(), {15});
       }},
      {"VariableTags", "does not hold texts of a fixed length",
       [](hid_t file) {
         const Hdf5Id type = owned_type(H5Tcopy(H5T_C_S1));
         H5Tset_size(type.get(), H5T_VARIABLE);
         replace(file, "seqTags", type.get(), {16});
       }},
      {"NegativeLabel", "holds -1 in sequence 2",
       [](hid_t file) {
         std::vector<int32_t> labels(16, 0);
         labels[2] = -1;
         replace(file, "targets/data/classes", H5T_STD_I32LE, {16}, {}, labels.data());
       }},
      {"TextAttribute", "inputPattSize\" is not one or two integers",
       [](hid_t file) {
         H5Adelete(file, "inputPattSize");
         const Hdf5Id type = owned_type(H5Tcopy(H5T_C_S1));
         const Hdf5Id space = owned_space(H5Screate(H5S_SCALAR));
         H5Aclose(
             H5Acreate2(file, "inputPattSize", type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT));
       }},
      {"LongAttribute", "is not one or two integers",
       [](hid_t file) {
         H5Adelete(file, "inputPattSize");
         const hsize_t count = 1000;
         const Hdf5Id space = owned_space(H5Screate_simple(1, &count, nullptr));
         H5Aclose(H5Acreate2(file, "inputPattSize", H5T_STD_I64LE, space.get(), H5P_DEFAULT,
                             H5P_DEFAULT));
       }},
  };
}

/// Labels inside of the object header, which says of fewer bytes than their shape has.
TEST(HostileShard, CompactDataThatIsTooShort) {
  const testing::TempFolder folder;
  testing::write_images(folder.path(), 16);
  const std::filesystem::path path = folder / "train-00000.h5";
  const std::vector<int32_t> labels(16, 6);
  {
    const Hdf5Session session;
    const Hdf5Id file = owned_file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
    replace(
        file.get(), "targets/data/classes", H5T_STD_I32LE, {16},
        [](hid_t creation) { H5Pset_layout(creation, H5D_COMPACT); }, labels.data());
  }
  EXPECT_NO_THROW(ShardReader(path, testing::image_schema()));

  std::string bytes = read_file(path);
  const std::string data(reinterpret_cast<const char*>(labels.data()), 64);
  const size_t place = bytes.find(std::string("\x03\0\x40\0", 4) + data);
  ASSERT_NE(place, std::string::npos);
  bytes[place + 2] = 0x20;
  write_file_atomically(path, bytes);
  testing::expect_error(ExitCode::corrupt, "keeps 32 bytes; its shape has 64",
                        [&] { ShardReader(path, testing::image_schema()); });
}

class HostileShardTest : public ::testing::TestWithParam<Attack> {};

TEST_P(HostileShardTest, IsRefused) {
  const testing::TempFolder folder;
  testing::write_images(folder.path(), 16);
  const std::filesystem::path path = folder / "train-00000.h5";
  EXPECT_NO_THROW(ShardReader(path, testing::image_schema()));
  {
    const Hdf5Session session;
    const Hdf5Id file = owned_file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
    ASSERT_TRUE(file.valid());
    GetParam().change(file.get());
  }
  testing::expect_error(ExitCode::corrupt, GetParam().message,
                        [&] { ShardReader(path, testing::image_schema()); });
}

INSTANTIATE_TEST_SUITE_P(Attacks, HostileShardTest, ::testing::ValuesIn(attacks()),
                         [](const auto& attack) { return attack.param.name; });

}  // namespace
}  // namespace lockstep
