// Text as plain text retrieval looks for it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/text/tokens.h"

namespace lockstep {

/// The terms of a text that a model cuts by `rules`. Letters by themselves say nothing, and a
/// clause of Chinese is no word: so the terms are words (in lower case and without punctuation
/// marks where the rules cut characters), and each character by itself of scripts that put no space
/// between words. Pieces of sentencepiece stay what they are. Throws Error(corrupt) when the text
/// is not UTF-8.
std::vector<std::string> search_terms(std::string_view text, const TextRules& rules);

}  // namespace lockstep
