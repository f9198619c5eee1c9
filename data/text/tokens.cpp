#include "data/text/tokens.h"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>

#include "data/base/error.h"
#include "data/text/encoding.h"
#include "data/text/search_terms.h"
#include "data/text/sentence_pieces.h"

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

std::vector<utf8proc_int32_t> code_points_of(const std::string& text) {
  std::vector<utf8proc_int32_t> points;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  for (size_t at = 0; at < text.size();) {
    utf8proc_int32_t point = 0;
    const auto size =
        utf8proc_iterate(bytes + at, static_cast<utf8proc_ssize_t>(text.size() - at), &point);
    LOCKSTEP_CHECK(size > 0, "text that was normalised is not UTF-8");
    points.push_back(point);
    at += static_cast<size_t>(size);
  }
  return points;
}

bool is_mark(utf8proc_int32_t point) {
  const utf8proc_category_t category = utf8proc_category(point);
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_SO;
}

bool is_letter(utf8proc_int32_t point) {
  const utf8proc_category_t category = utf8proc_category(point);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool is_digit(utf8proc_int32_t point) {
  return utf8proc_category(point) == UTF8PROC_CATEGORY_ND;
}

/// Whether the mark at a place stands inside of a word or a number.
bool belongs_to_word(const std::vector<utf8proc_int32_t>& points, size_t at) {
  if (at == 0 || at + 1 == points.size()) return false;
  constexpr utf8proc_int32_t kTypographicApostrophe = 0x2019;
  const utf8proc_int32_t before = points[at - 1];
  const utf8proc_int32_t after = points[at + 1];
  const bool apostrophe = points[at] == '\'' || points[at] == kTypographicApostrophe;
  const bool separator = points[at] == '.' || points[at] == ',';
  return (apostrophe && is_letter(before) && is_letter(after)) ||
         (separator && is_digit(before) && is_digit(after));
}

std::string rewritten(const std::string& text, const TextRules& rules) {
  const std::vector<utf8proc_int32_t> points = code_points_of(text);
  std::string result;
  for (size_t i = 0; i < points.size(); ++i) {
    const bool alone = rules.split_punctuation && rules.kind == TokenKind::words &&
                       is_mark(points[i]) && !belongs_to_word(points, i);
    utf8proc_uint8_t bytes[4];
    const auto size =
        utf8proc_encode_char(rules.lowercase ? utf8proc_tolower(points[i]) : points[i], bytes);
    if (alone) result += ' ';
    result.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
    if (alone) result += ' ';
  }
  return result;
}

/// Whether a character belongs to a script that puts no space between words: Thai, Lao, Burmese,
/// Khmer, and from the radicals on what Chinese and Japanese are written with.
bool is_spaceless(utf8proc_int32_t point) {
  const auto within = [&](utf8proc_int32_t first, utf8proc_int32_t last) {
    return first <= point && point <= last;
  };
  return within(0x0e00, 0x0eff) || within(0x1000, 0x109f) || within(0x1780, 0x17ff) ||
         within(0x2e80, 0x2fff) || within(0x3005, 0x3007) || within(0x3040, 0x30ff) ||
         within(0x3400, 0x9fff) || within(0xf900, 0xfaff) || within(0x20000, 0x3ffff);
}

/// Adds a word, of which those characters are taken out and stand alone.
void add_terms(const std::string& word, std::vector<std::string>& terms) {
  bool joins = false;  // the next character belongs to the last term
  for (const std::string& character : characters_of(word)) {
    const bool alone = is_spaceless(code_points_of(character).front());
    if (alone || !joins) {
      terms.push_back(character);
    } else {
      terms.back() += character;
    }
    joins = !alone;
  }
}

/// Pieces behind each other, where a mark of a word's begin is a space; none begins a line.
std::string join_pieces(const std::vector<std::string>& pieces) {
  const std::string_view mark = SentencePieces::kWordBegin;
  std::string text;
  for (const std::string& piece : pieces) {
    for (size_t at = 0; at < piece.size();) {
      const bool marked = piece.compare(at, mark.size(), mark) == 0;
      if (!marked) {
        text += piece[at++];
        continue;
      }
      if (!text.empty() && text.back() != '\n') text += ' ';
      at += mark.size();
    }
  }
  return text;
}

}  // namespace

std::string name_of(TokenKind kind) {
  switch (kind) {
    case TokenKind::characters:
      return "characters";
    case TokenKind::words:
      return "words";
    case TokenKind::sentencepiece:
      return "sentencepiece";
  }
  return "unknown";
}

TokenKind token_kind_of(const std::string& name) {
  if (name == "characters") return TokenKind::characters;
  if (name == "words") return TokenKind::words;
  if (name == "sentencepiece") return TokenKind::sentencepiece;
  throw Error(ExitCode::config,
              fmt::format("tokens: \"{}\" is neither characters, words nor sentencepiece", name));
}

std::string prepare_text(std::string_view line, const TextRules& rules) {
  std::string text = normalized(line);
  return rules.lowercase || rules.split_punctuation ? rewritten(text, rules) : text;
}

std::vector<std::string> tokenize(std::string_view line, const TextRules& rules) {
  const std::string text = prepare_text(line, rules);
  if (rules.kind == TokenKind::characters) return characters_of(text);
  if (rules.kind == TokenKind::words) return words_of(text);
  LOCKSTEP_CHECK(rules.pieces != nullptr, "no model of sentencepiece");
  return rules.pieces->encode(text);
}

std::vector<std::string> search_terms(std::string_view text, const TextRules& rules) {
  if (rules.kind == TokenKind::sentencepiece) return tokenize(text, rules);
  const bool characters = rules.kind == TokenKind::characters;
  const TextRules words = characters ? TextRules{TokenKind::words, true, true, nullptr} : rules;
  std::vector<std::string> terms, marks;
  for (const std::string& word : tokenize(text, words)) {
    add_terms(word, characters && is_mark(code_points_of(word).front()) ? marks : terms);
  }
  return terms.empty() ? marks : terms;
}

std::string join_tokens(const std::vector<std::string>& tokens, TokenKind kind) {
  if (kind == TokenKind::sentencepiece) return join_pieces(tokens);
  std::string text;
  for (const std::string& token : tokens) {
    if (kind == TokenKind::words && !text.empty() && text.back() != '\n') text += ' ';
    text += token;
  }
  return text;
}

}  // namespace lockstep
