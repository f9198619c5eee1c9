// The loop of dropout_mask.h for one instruction set; the compiler vectorises the plain one.
#pragma once

#include <cstdint>

#include "trainer/model/dropout_mask.h"

namespace lockstep {

template <class Isa>
class DropoutLoops {
 public:
  static void make_mask(const DropoutMaskArguments& arguments) {
    const DropoutMaskArguments a = arguments;  // a copy, which writing the mask cannot change
    float* mask = a.mask_TBF;
    for (int64_t t = 0; t < a.time; ++t) {
      for (int64_t b = 0; b < a.batch; ++b, mask += a.features) {
        mask_of_step({a.sample_key_B[b], a.threshold, a.scale}, t * a.features, a.features, mask);
      }
    }
  }

 private:
  struct Draw {
    uint64_t sample_key;
    uint32_t threshold;
    float scale;

    float keep(uint32_t bits) const { return bits < threshold ? 0.0f : scale; }
    float at(int64_t place) const { return keep(dropout_bits(sample_key, place)); }
  };

  /// Places that share a number come in pairs, but for one at either end.
  static void mask_of_step(const Draw draw, int64_t first, int64_t count, float* mask) {
    const int64_t head = first & 1, pairs = (count - head) / 2;
    if (head > 0) mask[0] = draw.at(first);
    const auto first_pair = static_cast<uint64_t>(first + head) >> 1;
    float* even = mask + head;
    for (int64_t i = 0; i < pairs; ++i) {
      const uint64_t bits = join_key(draw.sample_key, first_pair + static_cast<uint64_t>(i));
      even[2 * i] = draw.keep(static_cast<uint32_t>(bits));
      even[2 * i + 1] = draw.keep(static_cast<uint32_t>(bits >> 32));
    }
    if (head + 2 * pairs < count) mask[count - 1] = draw.at(first + count - 1);
  }
};

}  // namespace lockstep
