#include "data/folds.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>

#include "tests/unit/base/temp_folder.h"
#include "tests/unit/data/small_dataset.h"

namespace lockstep {
namespace {

TEST(FoldsTest, PartsAreAlikeInSizeAndLabels) {
  const testing::TempFolder folder;
  const Manifest manifest = testing::write_images(folder.path(), 40);  // labels id % 7
  const Split split(folder.path(), manifest, manifest.splits[0]);
  const std::vector<int64_t> folds = folds_of(split, 3, 1);
  EXPECT_EQ(folds, folds_of(split, 3, 1));
  EXPECT_NE(folds, folds_of(split, 3, 2));
  std::map<std::pair<int64_t, int64_t>, int64_t> by_label;
  for (int64_t fold = 0; fold < 3; ++fold) {
    const std::vector<int64_t> ids = in_fold(folds, fold);
    EXPECT_GE(ids.size(), 13U);
    EXPECT_LE(ids.size(), 14U);
    for (const int64_t id : ids) by_label[{id % 7, fold}] += 1;
    EXPECT_EQ(ids.size() + not_in_fold(folds, fold).size(), 40U);
  }
  for (int64_t label = 0; label < 7; ++label) {
    const auto [least, most] =
        std::minmax({by_label[{label, 0}], by_label[{label, 1}], by_label[{label, 2}]});
    EXPECT_LE(most - least, 1) << label;
  }
  EXPECT_THROW(folds_of(split, 41, 1), std::exception);
}

TEST(FoldsTest, ChosenSequencesAreReadByTheirNewNumbers) {
  const testing::TempFolder folder;
  const Manifest manifest = testing::write_images(folder.path(), 40);
  auto whole = std::make_optional<Split>(folder.path(), manifest, manifest.splits[0]);
  const Split part = whole->part({3, 9, 38}, "part");
  EXPECT_EQ(whole->size(), 40);
  whole.reset();
  EXPECT_EQ(part.size(), 3);
  EXPECT_EQ(part.name(), "part");
  EXPECT_EQ(part.total_steps(0), 12);
  const Split less = part.part({2, 0}, "less");
  EXPECT_EQ(less.symbols(0, 1), std::vector<int64_t>{38 % 7});
  EXPECT_EQ(less.symbols(1, 1), std::vector<int64_t>{3});
}

}  // namespace
}  // namespace lockstep
