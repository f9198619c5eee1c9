#include "trainer/tasks/bleu.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>

namespace lockstep {
namespace {

using Ngram = std::vector<std::string>;

Ngram words_between_spaces(const std::string& text) {
  std::istringstream in(text);
  Ngram words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

std::map<Ngram, int64_t> ngrams_of(const Ngram& words, size_t order) {
  std::map<Ngram, int64_t> counts;
  for (size_t i = 0; i + order <= words.size(); ++i) {
    const auto begin = words.begin() + static_cast<int64_t>(i);
    ++counts[Ngram(begin, begin + static_cast<int64_t>(order))];
  }
  return counts;
}

}  // namespace

void BleuCounts::add(const std::string& translation, const std::string& reference,
                     const std::string& unknown) {
  const Ngram written = words_between_spaces(translation);
  Ngram wanted = words_between_spaces(reference);
  for (std::string& word : wanted) {
    if (!unknown.empty() && word.find(unknown) != std::string::npos) word = " ";  // no word
  }
  translation_words += static_cast<double>(written.size());
  reference_words += static_cast<double>(wanted.size());
  for (size_t n = 0; n < kBleuOrder; ++n) {
    const std::map<Ngram, int64_t> references = ngrams_of(wanted, n + 1);
    for (const auto& [ngram, count] : ngrams_of(written, n + 1)) {
      totals[n] += static_cast<double>(count);
      const auto found = references.find(ngram);
      if (found == references.end()) continue;
      matches[n] += static_cast<double>(std::min(count, found->second));
    }
  }
}

double BleuCounts::score() const {
  if (std::all_of(matches.begin(), matches.end(), [](double count) { return count == 0; }))
    return 0;
  double log_precisions = 0, smoothed = 1;
  for (size_t n = 0; n < kBleuOrder; ++n) {
    if (totals[n] == 0) return 0;
    if (matches[n] == 0) smoothed *= 2;
    const double precision = matches[n] > 0 ? matches[n] / totals[n] : 1 / (smoothed * totals[n]);
    log_precisions += std::log(precision);
  }
  const double brevity =
      translation_words < reference_words ? 1 - reference_words / translation_words : 0;
  return 100 * std::exp(brevity + log_precisions / kBleuOrder);
}

}  // namespace lockstep
