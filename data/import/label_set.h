// The classes of a target, learned from training records.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "data/manifest.h"
#include "data/text/vocabulary.h"

namespace lockstep {

class LabelSet {
 public:
  void add(const std::string& label) { labels_.insert(label); }
  /// Numbers the labels: by value when all are integers, else in the order of their bytes. Throws
  /// Error(corrupt) when there is none.
  Vocabulary finish() const;

 private:
  std::set<std::string> labels_;
};

/// The number of a label. Throws Error(corrupt) when training has none of that name.
int32_t label_number(const Vocabulary& labels, const std::string& label);

/// A symbol stream over a vocabulary.
StreamSchema symbol_stream(const std::string& name, const Vocabulary& vocabulary);

}  // namespace lockstep
