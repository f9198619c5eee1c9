#include "data/text/text_symbols.h"

#include "data/text/sentence_pieces.h"

namespace lockstep {

TextRules rules_of(const TextInfo& info) {
  TextRules rules{token_kind_of(info.tokens), info.lowercase, info.split_punctuation, nullptr};
  if (rules.kind == TokenKind::sentencepiece) {
    rules.pieces = std::make_shared<const SentencePieces>(info.model);
  }
  return rules;
}

std::vector<int64_t> TextSymbols::operator()(std::string_view text) const {
  std::vector<int64_t> symbols;
  for (const std::string& token : tokenize(text, rules_))
    symbols.push_back(vocabulary_.find(token));
  return symbols;
}

std::string TextSymbols::text_of(const std::vector<int64_t>& symbols) const {
  std::vector<std::string> tokens;
  for (const int64_t symbol : symbols) {
    if (symbol == end_) break;
    tokens.push_back(vocabulary_.tokens().at(static_cast<size_t>(symbol)));
  }
  return join_tokens(tokens, rules_.kind);
}

}  // namespace lockstep
