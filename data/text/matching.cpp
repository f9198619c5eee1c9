#include "data/text/matching.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "data/text/ascii_case.h"

namespace lockstep {
namespace {

constexpr size_t kStemLetters = 5;

bool is_ascii_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Letters of other scripts count as such; so do their rare marks.
bool is_word(const std::string& token) {
  return std::any_of(token.begin(), token.end(), [](char c) {
    return is_ascii_letter_or_digit(c) || (static_cast<unsigned char>(c) & 0x80) != 0;
  });
}

std::string stem_of(const std::string& token) {
  size_t letters = 0, at = 0;
  for (; at < token.size(); ++at) {
    const bool begins_letter = (static_cast<unsigned char>(token[at]) & 0xc0) != 0x80;
    if (begins_letter && ++letters > kStemLetters) break;
  }
  return token.substr(0, at);
}

using Places = std::unordered_map<std::string, int16_t>;

int16_t place_in(const Places& places, const std::string& word) {
  const auto found = places.find(word);
  return found == places.end() ? int16_t{0} : found->second;
}

}  // namespace

std::vector<TokenMatch> match_tokens(const std::vector<std::string>& question,
                                     const std::vector<std::string>& answer) {
  Places words, stems;
  const auto most = static_cast<size_t>(std::numeric_limits<int16_t>::max());
  for (size_t i = 0; i < std::min(question.size(), most); ++i) {
    if (!is_word(question[i])) continue;
    const std::string word = in_lower_case(question[i]);
    words.emplace(word, static_cast<int16_t>(i + 1));
    stems.emplace(stem_of(word), static_cast<int16_t>(i + 1));
  }
  std::vector<TokenMatch> matches;
  for (const std::string& token : answer) {
    const std::string word = in_lower_case(token);
    matches.push_back({place_in(words, word), place_in(stems, stem_of(word))});
  }
  return matches;
}

}  // namespace lockstep
