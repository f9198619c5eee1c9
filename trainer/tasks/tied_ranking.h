// Figures of one ranking in which scores may be equal: their means over all orders of equal ones
// (McSherry & Najork 2008), so that neither luck nor the order of the data set helps.
#pragma once

#include <vector>

namespace lockstep {

struct RankingFigures {
  double average_precision = 0;
  double reciprocal_rank = 0;  ///< of the first right answer
  double hit_at_1 = 0;         ///< whether a right one is among the first
  double hit_at_5 = 0;
};

/// `right[i]` says whether the answer with `scores[i]` is one; at least one must be. A score that
/// is not a number ranks last.
RankingFigures rank_with_ties(const std::vector<float>& scores, const std::vector<bool>& right);

}  // namespace lockstep
