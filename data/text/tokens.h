// From text to tokens and back.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

class SentencePieces;

/// How text is cut: one token per Unicode character, per word between white space, or per piece of
/// a word that a model learned.
enum class TokenKind { characters, words, sentencepiece };

std::string name_of(TokenKind kind);
/// Throws Error(config) for an unknown name.
TokenKind token_kind_of(const std::string& name);

/// How a data set's text is made into tokens. New text must be cut by the same rules.
struct TextRules {
  TokenKind kind = TokenKind::words;
  bool lowercase = false;
  /// Words only: punctuation marks and symbols are tokens of their own, but for apostrophes
  /// between letters and for marks between digits ("don't", "1,000.5").
  bool split_punctuation = false;
  std::shared_ptr<const SentencePieces> pieces = nullptr;  ///< set for sentencepiece
};

/// The text as it is cut: in NFC (so that one character is written one way), with what the rules
/// change. Throws Error(corrupt) when it is not UTF-8, saying at which byte.
std::string prepare_text(std::string_view line, const TextRules& rules);

/// The tokens of one line, after prepare_text().
std::vector<std::string> tokenize(std::string_view line, const TextRules& rules);
inline std::vector<std::string> tokenize(std::string_view line, TokenKind kind) {
  return tokenize(line, TextRules{kind, false, false, nullptr});
}

/// The text that tokens stand for.
std::string join_tokens(const std::vector<std::string>& tokens, TokenKind kind);

}  // namespace lockstep
