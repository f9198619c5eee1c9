#include "trainer/tasks/candidate_figures.h"

#include <algorithm>
#include <set>
#include <vector>

#include "trainer/tasks/tied_ranking.h"

namespace lockstep {

using torch::Tensor;

namespace {

/// Which candidates of question b are right.
std::vector<bool> right_of(const CandidateLists& lists, size_t b) {
  return {lists.right.begin() + static_cast<std::ptrdiff_t>(lists.first[b]),
          lists.right.begin() + static_cast<std::ptrdiff_t>(lists.first[b + 1])};
}

/// Where all candidates are right, or none is, every order is as good.
bool can_be_ranked(const std::vector<bool>& right) {
  return std::find(right.begin(), right.end(), true) != right.end() &&
         std::find(right.begin(), right.end(), false) != right.end();
}

}  // namespace

double ranked_questions(const CandidateLists& lists) {
  double count = 0;
  for (size_t b = 0; b + 1 < lists.first.size(); ++b) {
    count += can_be_ranked(right_of(lists, b)) ? 1 : 0;
  }
  return count;
}

double questions_with_right(const CandidateLists& lists) {
  std::set<int64_t> answered;
  for (size_t n = 0; n < lists.owners.size(); ++n) {
    if (lists.right[n]) answered.insert(lists.owners[n]);
  }
  return static_cast<double>(answered.size());
}

void add_ranking_figures(const Tensor& scores_N, const CandidateLists& lists,
                         const RankingSums& sums) {
  const float* scores = scores_N.const_data_ptr<float>();
  for (size_t b = 0; b + 1 < lists.first.size(); ++b) {
    const std::vector<bool> right = right_of(lists, b);
    if (!can_be_ranked(right)) continue;
    const auto begin = static_cast<size_t>(lists.first[b]);
    const auto end = static_cast<size_t>(lists.first[b + 1]);
    const RankingFigures figures = rank_with_ties({scores + begin, scores + end}, right);
    *sums.precisions += figures.average_precision;
    *sums.ranks += figures.reciprocal_rank;
    if (sums.hits_1 != nullptr) *sums.hits_1 += figures.hit_at_1;
    if (sums.hits_5 != nullptr) *sums.hits_5 += figures.hit_at_5;
  }
}

}  // namespace lockstep
