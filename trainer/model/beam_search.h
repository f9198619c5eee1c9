// The most probable texts that a decoder can write, by beam search.
#pragma once

#include "trainer/model/libtorch.h"

#include <cstdint>
#include <vector>

namespace lockstep {

/// A decoder that writes the same number of texts for each of several sources, side by side.
class BeamModel {
 public:
  virtual ~BeamModel() = default;
  /// Log-probabilities [N, V] of what follows, after each text got the symbol of `symbols` [N].
  virtual torch::Tensor next(const torch::Tensor& symbols_N) = 0;
  /// Goes on with these texts, of these sources: places among those there are now, int64 on the
  /// host.
  virtual void select(const torch::Tensor& texts, const torch::Tensor& sources) = 0;
};

struct BeamOptions {
  int64_t beam_size = 5;      ///< texts kept for each source; 1: always the most probable symbol
  double length_penalty = 1;  ///< alpha of Wu et al. 2016; 0: none
  int64_t end_symbol = 0;     ///< what a text begins behind, and ends with
};

struct Hypothesis {
  std::vector<int64_t> symbols;  ///< without the end
  double log_probability = 0;
  double score = 0;  ///< log_probability / ((5 + number of symbols, with the end) / 6)^alpha
};

/// For each source at most `beam_size` texts, the best score first. A search ends when so many
/// texts have ended, or at `limits[source]` symbols, where texts are taken without an end.
std::vector<std::vector<Hypothesis>> beam_search(BeamModel& model, const BeamOptions& options,
                                                 const std::vector<int64_t>& limits);

}  // namespace lockstep
