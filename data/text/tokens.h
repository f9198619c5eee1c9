// From text to tokens and back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

/// How text is cut: one token per Unicode character, or per word between white space.
enum class TokenKind { characters, words };

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
};

/// The tokens of one line, after normalisation to NFC (so that one character is written one way).
/// Throws Error(corrupt) when the text is not UTF-8, saying at which byte.
std::vector<std::string> tokenize(std::string_view line, const TextRules& rules);
inline std::vector<std::string> tokenize(std::string_view line, TokenKind kind) {
  return tokenize(line, TextRules{kind});
}

/// The text that tokens stand for.
std::string join_tokens(const std::vector<std::string>& tokens, TokenKind kind);

}  // namespace lockstep
