#include "trainer/tasks/written_counts.h"

#include <algorithm>

namespace lockstep {

void WrittenCounts::add(const std::vector<int64_t>& written, const std::vector<int64_t>& wanted) {
  texts += 1;
  right_texts += written == wanted ? 1 : 0;
  symbols += static_cast<double>(wanted.size());
  for (size_t i = 0; i < std::min(written.size(), wanted.size()); ++i) {
    right_symbols += written[i] == wanted[i] ? 1 : 0;
  }
}

std::vector<double> WrittenCounts::values() const {
  std::vector<double> all = {texts, right_texts, symbols, right_symbols};
  all.insert(all.end(), bleu.matches.begin(), bleu.matches.end());
  all.insert(all.end(), bleu.totals.begin(), bleu.totals.end());
  all.insert(all.end(), {bleu.translation_words, bleu.reference_words});
  return all;
}

WrittenCounts WrittenCounts::from(const double* values) {
  WrittenCounts counts{values[0], values[1], values[2], values[3], {}};
  std::copy_n(values + 4, kBleuOrder, counts.bleu.matches.begin());
  std::copy_n(values + 4 + kBleuOrder, kBleuOrder, counts.bleu.totals.begin());
  counts.bleu.translation_words = values[4 + 2 * kBleuOrder];
  counts.bleu.reference_words = values[5 + 2 * kBleuOrder];
  return counts;
}

void PathCounts::add(const GridWorld& world, const std::vector<int64_t>& written,
                     const std::vector<int64_t>& wanted, int64_t limit) {
  const bool arrives = world.reaches_goal(written);
  valid += arrives ? 1 : 0;
  shortest += arrives && written.size() == wanted.size() ? 1 : 0;
  random_valid += world.random_walk_arrives(limit);
  random_shortest += world.random_walk_arrives(static_cast<int64_t>(wanted.size()));
  straight += world.reaches_goal(world.straight_moves()) ? 1 : 0;
}

}  // namespace lockstep
