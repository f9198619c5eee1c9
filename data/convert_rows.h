// Stored rows into the rows of a batch: the innermost loop of the data engine, for each instruction
// set.
#pragma once

#include <cstdint>

#include "data/manifest.h"

namespace lockstep {

/// `rows` rows of `features` stored numbers, one behind the other, become rows of float32 that lie
/// `row_stride` floats apart: each number * scale + offset, in double, rounded once. The same bits
/// for every instruction set.
struct RowConversion {
  const void* stored;
  int64_t rows;
  int64_t features;
  double scale;
  double offset;
  float* values;
  int64_t row_stride;
};
using ConvertRows = void (*)(const RowConversion& conversion);

/// The fastest that this processor can run, for conversions of this scale and offset.
ConvertRows convert_rows_of(ElementType element, double scale, double offset);
/// What any processor can run.
ConvertRows portable_convert_rows_of(ElementType element);
#if defined(__x86_64__)
bool has_avx2();
ConvertRows avx2_convert_rows_of(ElementType element);
bool has_avx512();
ConvertRows avx512_convert_rows_of(ElementType element, double scale, double offset);
#endif

}  // namespace lockstep
