// From text to the symbols of a data set: the one way both import and prediction go.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/manifest.h"
#include "data/text/tokens.h"
#include "data/text/vocabulary.h"

namespace lockstep {

TextRules rules_of(const TextInfo& info);

class TextSymbols {
 public:
  /// `tokens[i]` has the number i: the labels of the stream of symbols.
  TextSymbols(const TextInfo& info, std::vector<std::string> tokens)
      : rules_(rules_of(info)), vocabulary_(std::move(tokens), info.unknown) {}

  /// Without an end token. Throws Error(corrupt) when the text is not UTF-8.
  std::vector<int64_t> operator()(std::string_view text) const;

 private:
  TextRules rules_;
  Vocabulary vocabulary_;
};

}  // namespace lockstep
