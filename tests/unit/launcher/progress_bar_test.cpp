#include "launcher/progress_bar.h"

#include <gmock/gmock.h>

#include <sstream>

namespace lockstep {
namespace {

TEST(ProgressText, HasRateAndTimeLeft) {
  EXPECT_EQ(progress_text("reading", 12000, 60000, "images", 3.0),
            "reading: 12,000 of 60,000 images (20 %), 4,000 images/s, 0:12 left");
  EXPECT_EQ(progress_text("reading", 60000, 60000, "images", 3.0),
            "reading: 60,000 of 60,000 images (100 %), 20,000 images/s");
  EXPECT_EQ(progress_text("reading", 0, 60000, "images", 0), "reading: 0 of 60,000 images (0 %)");
  EXPECT_EQ(progress_text("reading", 1234567, 0, "bytes", 1),
            "reading: 1,234,567 bytes, 1,234,567 bytes/s");
  EXPECT_EQ(progress_text("a", 1, 7300, "b", 1), "a: 1 of 7,300 b (0 %), 1 b/s, 2:01:39 left");
}

TEST(ProgressBar, RewritesOneLineOnATerminal) {
  std::ostringstream out;
  {
    ProgressBar bar(out, true);
    bar.update("reading", 0, 4, "images");
    bar.update("reading", 1, 4, "images");  // too soon to be shown
    bar.update("reading", 4, 4, "images");
  }
  const std::string text = out.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\r'), 2);
  EXPECT_EQ(text.back(), '\n');
}

TEST(ProgressBar, WritesWholeLinesInALog) {
  std::ostringstream out;
  {
    ProgressBar bar(out, false);
    for (int i = 0; i <= 1000; ++i) bar.update("reading", i, 1000, "images");
    for (int i = 0; i <= 10; ++i) bar.update("writing", i, 10, "shards");
  }
  const std::string text = out.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\r'), 0);
}

TEST(ProgressBar, EndsItsLineWhenWorkIsCutShort) {
  std::ostringstream out;
  {
    ProgressBar bar(out, true);
    bar.update("reading", 1, 4, "images");
  }
  EXPECT_EQ(out.str().back(), '\n');
}

}  // namespace
}  // namespace lockstep
