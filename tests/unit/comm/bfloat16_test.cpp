#include "trainer/comm/bfloat16.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace lockstep {
namespace {

float there_and_back(float value) {
  uint16_t narrow = 0;
  narrow_to_bfloat16(&value, &narrow, 1);
  float wide = 0;
  widen_from_bfloat16(&narrow, &wide, 1);
  return wide;
}

TEST(Bfloat16Test, EveryBfloat16ComesBackAsItIs) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto value = std::bit_cast<float>(bits << 16);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(there_and_back(value))) << bits;
    } else {
      EXPECT_EQ(std::bit_cast<uint32_t>(there_and_back(value)), bits << 16);
    }
  }
}

TEST(Bfloat16Test, RoundsToTheNearestAndTiesToEven) {
  const float step = 1.0f / 128;  // between neighbours from 1 to 2
  EXPECT_EQ(there_and_back(1 + 0.49f * step), 1);
  EXPECT_EQ(there_and_back(1 + 0.51f * step), 1 + step);
  EXPECT_EQ(there_and_back(1 + 0.5f * step), 1);
  EXPECT_EQ(there_and_back(1 + 1.5f * step), 1 + 2 * step);
  EXPECT_EQ(there_and_back(-1 - 1.5f * step), -1 - 2 * step);
}

TEST(Bfloat16Test, NeitherLosesNorInventsWhatIsNotFinite) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(there_and_back(infinity), infinity);
  EXPECT_EQ(there_and_back(-infinity), -infinity);
  EXPECT_EQ(there_and_back(std::numeric_limits<float>::max()), infinity);
  // Not-a-numbers whose upper half alone would be an infinity, or whose rounding would wrap round.
  for (const uint32_t bits : {0x7f800001u, 0xff800001u, 0x7fffffffu, 0xffffffffu}) {
    EXPECT_TRUE(std::isnan(there_and_back(std::bit_cast<float>(bits)))) << bits;
  }
}

TEST(Bfloat16Test, ArraysOfAnyLength) {
  for (const size_t count : {size_t{0}, size_t{1}, size_t{15}, size_t{33}, size_t{1000}}) {
    std::vector<float> values(count), back(count);
    for (size_t i = 0; i < count; ++i) values[i] = std::sin(static_cast<float>(i)) * 100;
    std::vector<uint16_t> narrow(count);
    narrow_to_bfloat16(values.data(), narrow.data(), count);
    widen_from_bfloat16(narrow.data(), back.data(), count);
    for (size_t i = 0; i < count; ++i) EXPECT_EQ(back[i], there_and_back(values[i]));
  }
}

}  // namespace
}  // namespace lockstep
