#include "data/base/sha256.h"

#include <gtest/gtest.h>

#include "data/base/atomic_file.h"
#include "tests/unit/base/temp_folder.h"

namespace lockstep {
namespace {

// FIPS 180-4's own examples.
constexpr const char* kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Sha256, GivesThePublishedDigests) {
  EXPECT_EQ(sha256_of(""), kEmpty);
  EXPECT_EQ(sha256_of("abc"), kAbc);
}

TEST(Sha256, PiecesEqualTheWhole) {
  Sha256 hash;
  hash.update("a", 1);
  hash.update("bc", 2);
  EXPECT_EQ(hash.hex_digest(), kAbc);
}

TEST(Sha256, ReadsFilesLargerThanItsBuffer) {
  const testing::TempFolder folder;
  const std::string bytes(3'000'001, 'x');
  write_new_file(folder / "large", bytes);
  EXPECT_EQ(sha256_of_file(folder / "large"), sha256_of(bytes));
}

TEST(Sha256, NamesAFileThatCannotBeRead) {
  const testing::TempFolder folder;
  testing::expect_error(ExitCode::missing, "nowhere", [&] { sha256_of_file(folder / "nowhere"); });
  testing::expect_error(ExitCode::corrupt, folder.path().string(),
                        [&] { sha256_of_file(folder.path()); });
}

}  // namespace
}  // namespace lockstep
