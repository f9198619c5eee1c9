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

#if defined(__x86_64__)
bool has_avx2() {
  return __builtin_cpu_supports("avx2");
}

bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

ConvertRows convert_rows_of(ElementType element, [[maybe_unused]] double scale,
                            [[maybe_unused]] double offset) {
#if defined(__x86_64__)
  if (has_avx512()) return avx512_convert_rows_of(element, scale, offset);
  if (has_avx2()) return avx2_convert_rows_of(element);
#endif
  return portable_convert_rows_of(element);
}

DenseConverter::DenseConverter(const StreamSchema& schema)
    : scale_(schema.scale),
      offset_(schema.offset),
      convert_rows_(convert_rows_of(schema.element, schema.scale, schema.offset)) {}

void widen_symbols(ElementType element, const void* stored, int64_t count, int64_t* symbols,
                   int64_t stride) {
  with_element_type(element, [&](auto tag) {
    const auto* from = static_cast<const typename decltype(tag)::type*>(stored);
    for (int64_t i = 0; i < count; ++i) symbols[i * stride] = static_cast<int64_t>(from[i]);
  });
}

}  // namespace lockstep
