// What the words that question and answer share say: the numbers that a scorer of pairs sees
// besides its encoders.
#pragma once

#include <cstdint>
#include <vector>

namespace lockstep {

/// One candidate: for each of its tokens the place (from 1) in the question of the same word, and
/// of a word with the same beginning; 0: none.
struct MatchedAnswer {
  std::vector<int64_t> words;
  std::vector<int64_t> stems;
};

inline constexpr int64_t kOverlapFeatures = 14;
/// Behind them, where asked for: what the place in the list says.
inline constexpr int64_t kPlaceFeatures = 3;

/// [candidates, kOverlapFeatures (+ kPlaceFeatures)], row by row. `weights` are those of the
/// question's tokens (how rare they are). `page` is the whole list of candidates: a word that all
/// of them share tells none apart.
///
/// The first is the share of the question's weight whose words the answer holds.
std::vector<float> overlap_features(const std::vector<float>& weights,
                                    const std::vector<MatchedAnswer>& page, bool places);

}  // namespace lockstep
