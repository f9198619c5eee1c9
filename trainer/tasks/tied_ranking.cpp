#include "trainer/tasks/tied_ranking.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

namespace lockstep {
namespace {

struct Tie {
  int count = 0;
  int right = 0;
};

/// Chance that none of `drawn` out of `count` is one of the `right`.
double chance_of_none(int count, int right, int drawn) {
  double chance = 1;
  for (int i = 0; i < drawn; ++i) {
    chance *= static_cast<double>(std::max(0, count - right - i)) / static_cast<double>(count - i);
  }
  return chance;
}

/// `before` and `right_before`: answers that rank above the tie.
double precision_sum(const Tie& tie, int before, int right_before) {
  double sum = 0;
  for (int place = 1; place <= tie.count; ++place) {
    const double others =
        tie.count > 1 ? static_cast<double>((place - 1) * (tie.right - 1)) / (tie.count - 1) : 0;
    sum +=
        static_cast<double>(tie.right) / tie.count * (right_before + 1 + others) / (before + place);
  }
  return sum;
}

/// The first right answer of all lies in this tie.
double first_reciprocal(const Tie& tie, int before) {
  double sum = 0;
  for (int place = 1; place <= tie.count; ++place) {
    const double here = chance_of_none(tie.count, tie.right, place - 1) -
                        chance_of_none(tie.count, tie.right, place);
    sum += here / (before + place);
  }
  return sum;
}

/// Likewise: the chance that it is among the first `cutoff`.
double first_within(const Tie& tie, int before, int cutoff) {
  const int drawn = std::clamp(cutoff - before, 0, tie.count);
  return 1 - chance_of_none(tie.count, tie.right, drawn);
}

}  // namespace

RankingFigures rank_with_ties(const std::vector<float>& scores, const std::vector<bool>& right) {
  std::map<float, Tie, std::greater<float>> ties;
  int all_right = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    Tie& tie = ties[std::isnan(scores[i]) ? -std::numeric_limits<float>::infinity() : scores[i]];
    tie.count += 1;
    tie.right += right[i] ? 1 : 0;
    all_right += right[i] ? 1 : 0;
  }
  RankingFigures figures;
  int before = 0, right_before = 0;
  for (const auto& [score, tie] : ties) {
    if (tie.right > 0) {
      figures.average_precision += precision_sum(tie, before, right_before) / all_right;
      if (right_before == 0) {
        figures.reciprocal_rank = first_reciprocal(tie, before);
        figures.hit_at_1 = first_within(tie, before, 1);
        figures.hit_at_5 = first_within(tie, before, 5);
      }
    }
    before += tie.count;
    right_before += tie.right;
  }
  return figures;
}

}  // namespace lockstep
