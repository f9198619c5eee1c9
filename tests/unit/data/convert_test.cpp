#include "data/convert.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "data/element_type.h"

namespace lockstep {
namespace {

/// Numbers of a type that show every way of rounding: small, large, negative.
template <class T>
std::vector<T> numbers_of(size_t count) {
  std::vector<T> numbers(count);
  for (size_t i = 0; i < count; ++i) {
    const auto bits = static_cast<uint64_t>(i + 1) * 0x9e3779b97f4a7c15ULL;
    if constexpr (std::is_floating_point_v<T>) {
      numbers[i] = static_cast<T>(static_cast<int64_t>(bits)) / static_cast<T>(1 + (bits & 0xffff));
    } else {
      numbers[i] = static_cast<T>(bits >> (i % 3 == 0 ? 40 : 0));
    }
  }
  return numbers;
}

/// Of every instruction set that this processor has.
std::vector<ConvertRows> implementations_of(ElementType element, double scale, double offset) {
  std::vector<ConvertRows> implementations = {portable_convert_rows_of(element)};
#if defined(__x86_64__)
  if (has_avx2()) implementations.push_back(avx2_convert_rows_of(element));
  if (has_avx512()) implementations.push_back(avx512_convert_rows_of(element, scale, offset));
#endif
  return implementations;
}

class ConvertRowsTest : public ::testing::TestWithParam<ElementType> {};

TEST_P(ConvertRowsTest, EveryInstructionSetGivesTheBitsOfTheFormula) {
  constexpr int64_t kRows = 3, kGap = 2;
  constexpr float kUntouched = -7.5F;
  with_element_type(GetParam(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (const auto& [scale, offset] :
         {std::pair{1.0, 0.0}, {1.0 / 255, 0.0}, {1.0 / 255, -0.1307}, {-3.5, 1e6}, {1e-42, 0.0}}) {
      const std::vector<ConvertRows> implementations =
          implementations_of(GetParam(), scale, offset);
      for (int64_t features = 1; features < 37; ++features) {
        const std::vector<T> stored = numbers_of<T>(static_cast<size_t>(kRows * features));
        const int64_t stride = features + kGap;
        for (const ConvertRows convert : implementations) {
          std::vector<float> values(static_cast<size_t>(kRows * stride), kUntouched);
          convert({stored.data(), kRows, features, scale, offset, values.data(), stride});
          for (int64_t i = 0; i < kRows * stride; ++i) {
            const int64_t row = i / stride, feature = i % stride;
            float expected = kUntouched;
            if (feature < features) {
              const T number = stored[static_cast<size_t>(row * features + feature)];
              expected = static_cast<float>(static_cast<double>(number) * scale + offset);
            }
            ASSERT_EQ(std::memcmp(&values[static_cast<size_t>(i)], &expected, sizeof(float)), 0)
                << features << " features, row " << row << ", feature " << feature;
          }
        }
      }
    }
  });
}

INSTANTIATE_TEST_SUITE_P(All, ConvertRowsTest,
                         ::testing::Values(ElementType::u8, ElementType::i16, ElementType::i32,
                                           ElementType::i64, ElementType::f32, ElementType::f64));

}  // namespace
}  // namespace lockstep
