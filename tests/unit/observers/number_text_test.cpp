#include "trainer/observers/number_text.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lockstep {
namespace {

TEST(NumberText, Counts) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1000), "1,000");
  EXPECT_EQ(count_text(-123), "-123");
  EXPECT_EQ(count_text(-1234567), "-1,234,567");
}

TEST(NumberText, Numbers) {
  EXPECT_EQ(number_text(0), "0.0000");
  EXPECT_EQ(number_text(0.31239), "0.3124");
  EXPECT_EQ(number_text(114.621), "114.62");
  EXPECT_EQ(number_text(4.1e-5), "4.100e-05");
  EXPECT_EQ(number_text(2.5e9), "2.500e+09");
  EXPECT_EQ(number_text(NAN), "nan");
  EXPECT_EQ(number_text(-INFINITY), "-inf");
}

TEST(NumberText, OnlySharesAreShownInPercent) {
  EXPECT_EQ(metric_text("accuracy", 0.98512), "98.51 %");
  EXPECT_EQ(metric_text("token_accuracy", 1), "100.00 %");
  EXPECT_EQ(metric_text("accuracy", NAN), "nan");
  EXPECT_EQ(metric_text("perplexity", 0.9), "0.9000");
}

TEST(NumberText, Durations) {
  EXPECT_EQ(duration_text(0.84), "0.8 s");
  EXPECT_EQ(duration_text(59.96), "1 min 00 s");
  EXPECT_EQ(duration_text(83.4), "1 min 23 s");
  EXPECT_EQ(duration_text(3599.7), "1 h 00 min");
  EXPECT_EQ(duration_text(7500), "2 h 05 min");
  EXPECT_EQ(duration_text(INFINITY), "?");
}

TEST(NumberText, BytesAndRates) {
  EXPECT_EQ(bytes_text(1023), "1023 bytes");
  EXPECT_EQ(bytes_text(1536), "1.5 KiB");
  EXPECT_EQ(bytes_text(int64_t{3} << 30), "3.0 GiB");
  EXPECT_EQ(rate_text(10234.4), "10,234");
  EXPECT_EQ(rate_text(9.81), "9.81");
}

}  // namespace
}  // namespace lockstep
