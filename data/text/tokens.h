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

/// The tokens of one line, after normalisation to NFC (so that one character is written one way).
/// Throws Error(corrupt) when the text is not UTF-8, saying at which byte.
std::vector<std::string> tokenize(std::string_view line, TokenKind kind);

/// The text that tokens stand for.
std::string join_tokens(const std::vector<std::string>& tokens, TokenKind kind);

}  // namespace lockstep
