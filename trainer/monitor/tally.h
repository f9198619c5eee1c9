// Counts of texts in a stretch of time.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace lockstep {

struct TopicCount {
  int64_t texts = 0;
  int64_t negative = 0;
};

/// A text may have several topics, or none: `texts` is not the sum of the topics' counts.
struct Tally {
  int64_t texts = 0;
  std::map<std::string, TopicCount> topics;
};

/// The texts of [begin, begin + length of a bucket). Slots follow each other without a hole: what
/// was silent for long is not among them.
struct TimeBucket {
  int64_t slot = 0;
  int64_t begin = 0;  ///< milliseconds since 1970
  Tally tally;
};

}  // namespace lockstep
