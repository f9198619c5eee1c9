#include "data/text/text_symbols.h"

namespace lockstep {

TextRules rules_of(const TextInfo& info) {
  return {token_kind_of(info.tokens), info.lowercase, info.split_punctuation};
}

std::vector<int64_t> TextSymbols::operator()(std::string_view text) const {
  std::vector<int64_t> symbols;
  for (const std::string& token : tokenize(text, rules_))
    symbols.push_back(vocabulary_.find(token));
  return symbols;
}

}  // namespace lockstep
