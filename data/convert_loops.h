// One source for all instruction sets. `Isa` makes each set's functions types of their own, so that
// the linker does not take one for the other.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "data/convert_rows.h"
#include "data/element_type.h"

namespace lockstep {

/// Converts four numbers at once, where the instruction set can do better than the compiler.
template <class Isa, class T>
struct FourAtOnce {
  static constexpr bool kThere = false;
  FourAtOnce(double, double) {}
  void operator()(const T*, float*) const {}
};

template <class Isa, class T>
void convert_rows(const RowConversion& conversion) {
  const auto* from = static_cast<const T*>(conversion.stored);
  float* to = conversion.values;
  const int64_t features = conversion.features;
  const double scale = conversion.scale, offset = conversion.offset;
  const FourAtOnce<Isa, T> four(scale, offset);
  for (int64_t row = 0; row < conversion.rows; ++row) {
    int64_t i = 0;
    if constexpr (FourAtOnce<Isa, T>::kThere) {
      for (; i + 4 <= features; i += 4) four(from + i, to + i);
    }
    for (; i < features; ++i) {
      to[i] = static_cast<float>(static_cast<double>(from[i]) * scale + offset);
    }
    from += features;
    to += conversion.row_stride;
  }
}

template <class Isa>
void convert_floats(const RowConversion& conversion) {
  if (conversion.scale != 1.0 || conversion.offset != 0.0) {
    convert_rows<Isa, float>(conversion);
    return;
  }
  const auto* from = static_cast<const float*>(conversion.stored);
  for (int64_t row = 0; row < conversion.rows; ++row) {
    std::memcpy(conversion.values + row * conversion.row_stride, from,
                static_cast<size_t>(conversion.features) * sizeof(float));
    from += conversion.features;
  }
}

template <class Isa>
ConvertRows choose_convert_rows(ElementType element) {
  return with_element_type(element, [](auto tag) -> ConvertRows {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, float>) return &convert_floats<Isa>;
    return &convert_rows<Isa, T>;
  });
}

}  // namespace lockstep
