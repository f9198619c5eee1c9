#include "data/text/tokens.h"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>

#include "data/base/error.h"
#include "data/text/encoding.h"

namespace lockstep {
namespace {

std::string normalized(std::string_view text) {
  const size_t bad = first_bad_byte(text);
  if (bad < text.size()) {
    throw Error(ExitCode::corrupt, fmt::format("byte {} is not UTF-8", bad + 1),
                "convert the file, for example with `iconv -f latin1 -t utf-8`");
  }
  utf8proc_uint8_t* result = nullptr;
  const auto size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &result,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (size < 0) throw Error(ExitCode::corrupt, utf8proc_errmsg(size));
  const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owner(result, &std::free);
  return {reinterpret_cast<const char*>(result), static_cast<size_t>(size)};
}

std::vector<std::string> characters_of(const std::string& text) {
  std::vector<std::string> tokens;
  for (size_t at = 0; at < text.size();) {
    size_t size = 1;
    while (at + size < text.size() &&
           (static_cast<unsigned char>(text[at + size]) & 0xc0) == 0x80) {
      ++size;
    }
    tokens.push_back(text.substr(at, size));
    at += size;
  }
  return tokens;
}

std::vector<std::string> words_of(const std::string& text) {
  constexpr const char* kSpace = " \t\r\n\v\f";
  std::vector<std::string> tokens;
  for (size_t at = text.find_first_not_of(kSpace); at != std::string::npos;) {
    const size_t end = std::min(text.size(), text.find_first_of(kSpace, at));
    tokens.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(kSpace, end);
  }
  return tokens;
}

}  // namespace

std::string name_of(TokenKind kind) {
  return kind == TokenKind::characters ? "characters" : "words";
}

TokenKind token_kind_of(const std::string& name) {
  if (name == "characters") return TokenKind::characters;
  if (name == "words") return TokenKind::words;
  throw Error(ExitCode::config,
              fmt::format("tokens: \"{}\" is neither characters nor words", name));
}

std::vector<std::string> tokenize(std::string_view line, TokenKind kind) {
  const std::string text = normalized(line);
  return kind == TokenKind::characters ? characters_of(text) : words_of(text);
}

std::string join_tokens(const std::vector<std::string>& tokens, TokenKind kind) {
  std::string text;
  for (const std::string& token : tokens) {
    if (kind == TokenKind::words && !text.empty() && text.back() != '\n') text += ' ';
    text += token;
  }
  return text;
}

}  // namespace lockstep
