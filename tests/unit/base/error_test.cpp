#include "data/base/error.h"

#include <gtest/gtest.h>

#include "tests/unit/base/temp_folder.h"

namespace lockstep {
namespace {

TEST(Error, CarriesCodeMessageAndHint) {
  const Error error(ExitCode::missing, "a.h5: is not there", "import it again");
  EXPECT_EQ(error.code(), ExitCode::missing);
  EXPECT_STREQ(error.what(), "a.h5: is not there");
  EXPECT_EQ(error.full_text(), "a.h5: is not there\n  hint: import it again");
}

TEST(Error, WithoutHintIsOneLine) {
  EXPECT_EQ(Error(ExitCode::corrupt, "bad").full_text(), "bad");
}

TEST(Error, ChecksEndAsBugAndNameThePlace) {
  testing::expect_error(ExitCode::bug, "error_test.cpp", [] { LOCKSTEP_CHECK(1 > 2, "{}", 7); });
  testing::expect_error(ExitCode::bug, "1 > 2: 7", [] { LOCKSTEP_CHECK(1 > 2, "{}", 7); });
  EXPECT_NO_THROW(LOCKSTEP_CHECK(2 > 1, "never"));
}

TEST(ExitCodes, EachHasItsOwnWords) {
  EXPECT_EQ(describe(ExitCode::done), "done");
  EXPECT_NE(describe(ExitCode::corrupt), describe(ExitCode::missing));
  EXPECT_EQ(static_cast<int>(ExitCode::drained), 75);  // what batch scripts requeue on
}

}  // namespace
}  // namespace lockstep
