#include "data/convert.h"

#include "data/convert_loops.h"
#include "data/element_type.h"

namespace lockstep {
namespace {

struct AnyProcessor {};

}  // namespace

ConvertRows portable_convert_rows_of(ElementType element) {
  return choose_convert_rows<AnyProcessor>(element);
}

ConvertRows convert_rows_of(ElementType element) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return avx2_convert_rows_of(element);
#endif
  return portable_convert_rows_of(element);
}

DenseConverter::DenseConverter(const StreamSchema& schema)
    : scale_(schema.scale),
      offset_(schema.offset),
      convert_rows_(convert_rows_of(schema.element)) {}

void widen_symbols(ElementType element, const void* stored, int64_t count, int64_t* symbols,
                   int64_t stride) {
  with_element_type(element, [&](auto tag) {
    const auto* from = static_cast<const typename decltype(tag)::type*>(stored);
    for (int64_t i = 0; i < count; ++i) symbols[i * stride] = static_cast<int64_t>(from[i]);
  });
}

}  // namespace lockstep
