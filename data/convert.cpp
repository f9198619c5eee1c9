#include "data/convert.h"

#include <algorithm>

#include "data/element_type.h"

namespace lockstep {

DenseConverter::DenseConverter(const StreamSchema& schema)
    : element_(schema.element), scale_(schema.scale), offset_(schema.offset) {
  for (size_t i = 0; i < bytes_.size(); ++i) {
    bytes_[i] = static_cast<float>(static_cast<double>(i) * scale_ + offset_);
  }
}

void DenseConverter::operator()(const void* stored, int64_t count, float* values) const {
  if (element_ == ElementType::u8) {  // one look-up beats a conversion through double
    const auto* from = static_cast<const uint8_t*>(stored);
    for (int64_t i = 0; i < count; ++i) values[i] = bytes_[from[i]];
    return;
  }
  with_element_type(element_, [&](auto tag) {
    const auto* from = static_cast<const typename decltype(tag)::type*>(stored);
    if constexpr (std::is_same_v<typename decltype(tag)::type, float>) {
      if (scale_ == 1.0 && offset_ == 0.0) {
        std::copy_n(from, count, values);
        return;
      }
    }
    for (int64_t i = 0; i < count; ++i) {
      values[i] = static_cast<float>(static_cast<double>(from[i]) * scale_ + offset_);
    }
  });
}

void widen_symbols(ElementType element, const void* stored, int64_t count, int64_t* symbols,
                   int64_t stride) {
  with_element_type(element, [&](auto tag) {
    const auto* from = static_cast<const typename decltype(tag)::type*>(stored);
    for (int64_t i = 0; i < count; ++i) symbols[i * stride] = static_cast<int64_t>(from[i]);
  });
}

}  // namespace lockstep
