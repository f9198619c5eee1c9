// From text to the symbols of a data set: the one way both import and prediction go.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/manifest.h"
#include "data/text/search_terms.h"
#include "data/text/tokens.h"
#include "data/text/vocabulary.h"

namespace lockstep {

/// Throws Error(corrupt) when the model of sentencepiece is none.
TextRules rules_of(const TextInfo& info);

class TextSymbols {
 public:
  /// `tokens[i]` has the number i: the labels of the stream of symbols.
  TextSymbols(const TextInfo& info, std::vector<std::string> tokens)
      : rules_(rules_of(info)),
        vocabulary_(std::move(tokens), info.unknown),
        end_(info.end.empty() ? -1 : vocabulary_.find(info.end)) {}

  /// Without an end token. Throws Error(corrupt) when the text is not UTF-8.
  std::vector<int64_t> operator()(std::string_view text) const;
  /// The tokens that become symbols, as they stand in the text.
  std::vector<std::string> tokens(std::string_view text) const { return tokenize(text, rules_); }
  /// What plain text retrieval looks for in the text.
  std::vector<std::string> terms(std::string_view text) const { return search_terms(text, rules_); }
  /// The symbol of the end token; -1 when there is none.
  int64_t end() const { return end_; }
  /// The text that symbols stand for; the end token and what follows it are left out.
  std::string text_of(const std::vector<int64_t>& symbols) const;

 private:
  TextRules rules_;
  Vocabulary vocabulary_;
  int64_t end_;
};

}  // namespace lockstep
