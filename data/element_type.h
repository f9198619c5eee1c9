// From an element type known at run time to a C++ type.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "data/base/error.h"
#include "data/manifest.h"

namespace lockstep {

/// Calls `function` with std::type_identity of the C++ type that stores `type`.
template <class Function>
decltype(auto) with_element_type(ElementType type, Function&& function) {
  switch (type) {
    case ElementType::u8:
      return function(std::type_identity<uint8_t>{});
    case ElementType::i16:
      return function(std::type_identity<int16_t>{});
    case ElementType::i32:
      return function(std::type_identity<int32_t>{});
    case ElementType::i64:
      return function(std::type_identity<int64_t>{});
    case ElementType::f32:
      return function(std::type_identity<float>{});
    case ElementType::f64:
      return function(std::type_identity<double>{});
  }
  fail_check(__FILE__, __LINE__, "type", "an element type out of the enumeration");
}

inline bool is_integer(ElementType type) {
  return type != ElementType::f32 && type != ElementType::f64;
}

/// Numbers of one step of a stream: its features, or the one symbol.
inline int64_t width_of(const StreamSchema& stream) {
  return stream.is_symbols() ? 1 : stream.features;
}

inline size_t row_bytes(const StreamSchema& stream) {
  return size_of(stream.element) * static_cast<size_t>(width_of(stream));
}

}  // namespace lockstep
