// From the numbers of a shard to the numbers of a batch.
#pragma once

#include <array>
#include <cstdint>

#include "data/manifest.h"

namespace lockstep {

/// Dense values: float32 of stored value * scale + offset, computed in double and rounded once.
class DenseConverter {
 public:
  explicit DenseConverter(const StreamSchema& schema);

  /// Converts `count` stored elements.
  void operator()(const void* stored, int64_t count, float* values) const;

 private:
  ElementType element_;
  double scale_;
  double offset_;
  std::array<float, 256> bytes_{};  ///< the value of each u8
};

/// Widens `count` stored symbols; consecutive ones land `stride` apart.
void widen_symbols(ElementType element, const void* stored, int64_t count, int64_t* symbols,
                   int64_t stride);

}  // namespace lockstep
