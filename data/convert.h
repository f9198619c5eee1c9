// From the numbers of a shard to the numbers of a batch.
#pragma once

#include <cstdint>

#include "data/convert_rows.h"
#include "data/manifest.h"

namespace lockstep {

/// Dense values: float32 of stored value * scale + offset, computed in double and rounded once.
class DenseConverter {
 public:
  explicit DenseConverter(const StreamSchema& schema);

  /// Converts `rows` rows of `features` stored elements each; those of the result lie `row_stride`
  /// floats apart.
  void operator()(const void* stored, int64_t rows, int64_t features, float* values,
                  int64_t row_stride) const {
    convert_rows_({stored, rows, features, scale_, offset_, values, row_stride});
  }

 private:
  double scale_;
  double offset_;
  ConvertRows convert_rows_;
};

/// Widens `count` stored symbols; consecutive ones land `stride` apart.
void widen_symbols(ElementType element, const void* stored, int64_t count, int64_t* symbols,
                   int64_t stride);

}  // namespace lockstep
