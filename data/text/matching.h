// Which words of an answer stand in the question.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep {

/// Of one token of an answer: the place (from 1) of the first token of the question that is the
/// same word, and of the first that begins with the same five letters; 0: none does.
struct TokenMatch {
  int16_t word = 0;
  int16_t stem = 0;
};

/// Upper and lower case of ASCII letters are alike. Tokens without a letter or digit match nothing.
std::vector<TokenMatch> match_tokens(const std::vector<std::string>& question,
                                     const std::vector<std::string>& answer);

}  // namespace lockstep
