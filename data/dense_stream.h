// Streams of numbers, described.
#pragma once

#include <string>

#include "data/manifest.h"

namespace lockstep {

/// Rows of `features` numbers, which stand for `scale` times what is stored.
inline StreamSchema dense_stream(const std::string& name, ElementType element, int64_t features,
                                 double scale = 1) {
  StreamSchema stream;
  stream.name = name;
  stream.element = element;
  stream.features = features;
  stream.scale = scale;
  return stream;
}

}  // namespace lockstep
