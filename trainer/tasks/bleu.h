// BLEU (Papineni et al. 2002) of whole corpora, from counts that simply add up.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace lockstep {

inline constexpr size_t kBleuOrder = 4;  ///< longest n-grams

/// Of some translations and their references; those of two sets of texts, added, are of both.
struct BleuCounts {
  std::array<double, kBleuOrder> matches{};  ///< n-grams of translations that references have
  std::array<double, kBleuOrder> totals{};   ///< n-grams of translations
  double translation_words = 0;
  double reference_words = 0;

  /// Words are what stands between white space. Words of the reference that hold `unknown` (when
  /// it is not empty) match nothing: they stand for text that cannot be written.
  void add(const std::string& translation, const std::string& reference,
           const std::string& unknown = {});

  /// From 0 to 100, as sacrebleu computes it (Post 2018): with its `exp` smoothing, which only
  /// matters where no n-gram of a length matches. 0 when there are no words.
  double score() const;
};

}  // namespace lockstep
