// From a network's probabilities at every step to a sequence of symbols (connectionist temporal
// classification, Graves et al. 2006).
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/tasks/symbol_ngrams.h"

namespace lockstep {

/// Logarithms of probabilities, steps x symbols; the last symbol is the blank.
struct CtcScores {
  const float* log_p = nullptr;  ///< of the first step
  int64_t steps = 0;
  int64_t stride = 0;  ///< numbers from step to step
  int64_t symbols = 0;

  int64_t blank() const { return symbols - 1; }
  const float* at(int64_t step) const { return log_p + step * stride; }
};

struct CtcAnswer {
  std::vector<int64_t> symbols;
  double log_p = 0;  ///< of the path (best path), or of the answer as far as it was followed (beam)
};

/// The most likely symbol of every step; repeats and blanks taken out.
CtcAnswer best_path(const CtcScores& scores);

/// What an answer counts beside the network's probability of it: `weight` times the log probability
/// of its n-grams, its end among them, and `bonus` for each symbol.
struct CtcPrior {
  const SymbolNgrams* ngrams = nullptr;
  const float* log_p = nullptr;  ///< their table
  double weight = 0;
  double bonus = 0;
};

/// Prefix beam search (Hannun et al. 2014): follows the `width` beginnings that are most likely and
/// (with a prior, which may be null) count most, adding up all paths that spell the same. Ties go
/// to what was met first. `log_p` of the answer is the network's alone.
CtcAnswer beam_search(const CtcScores& scores, int64_t width, const CtcPrior* prior = nullptr);

}  // namespace lockstep
