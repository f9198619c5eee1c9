// Counts of texts in a stretch of time.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace lockstep {

struct TopicCount {
  int64_t texts = 0;     ///< the model named the topic
  int64_t negative = 0;  ///< and a negative sentiment
  /// Sum over all texts of the probability of the topic times that of a negative sentiment, in
  /// steps of kEvidenceStep.
  double evidence = 0;

  TopicCount& operator+=(const TopicCount& other) {
    texts += other.texts;
    negative += other.negative;
    evidence += other.evidence;
    return *this;
  }
};

/// A power of two, so that sums of steps are exact in any order.
inline constexpr double kEvidenceStep = 1.0 / 1024;

/// What one text adds to its topics.
using TopicCounts = std::map<std::string, TopicCount>;

/// A text may have several topics, or none: `texts` is not the sum of the topics' counts.
struct Tally {
  int64_t texts = 0;
  TopicCounts topics;
};

/// The texts of [begin, begin + length of a bucket). Slots follow each other without a hole: what
/// was silent for long is not among them.
struct TimeBucket {
  int64_t slot = 0;
  int64_t begin = 0;  ///< milliseconds since 1970
  Tally tally;
};

}  // namespace lockstep
