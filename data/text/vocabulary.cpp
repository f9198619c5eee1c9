#include "data/text/vocabulary.h"

#include <algorithm>

#include "data/base/error.h"

namespace lockstep {

Vocabulary::Vocabulary(std::vector<std::string> tokens, const std::string& unknown)
    : tokens_(std::move(tokens)) {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    if (!numbers_.emplace(tokens_[i], static_cast<int64_t>(i)).second) {
      throw Error(ExitCode::corrupt,
                  fmt::format("the vocabulary holds \"{}\" a second time", tokens_[i]));
    }
  }
  const auto found = numbers_.find(unknown);
  if (!unknown.empty() && found != numbers_.end()) unknown_ = found->second;
}

int64_t Vocabulary::find(const std::string& token) const {
  const auto found = numbers_.find(token);
  return found == numbers_.end() ? unknown_ : found->second;
}

std::vector<std::string> VocabularyCounter::most_frequent(const std::vector<std::string>& first,
                                                          int64_t limit, int64_t min_count) const {
  std::vector<std::pair<std::string, int64_t>> others;
  for (const auto& entry : counts_) {
    if (std::find(first.begin(), first.end(), entry.first) == first.end()) others.push_back(entry);
  }
  std::sort(others.begin(), others.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  std::vector<std::string> tokens = first;
  for (const auto& [token, count] : others) {
    if (limit > 0 && static_cast<int64_t>(tokens.size()) >= limit) break;
    if (count < min_count) break;
    tokens.push_back(token);
  }
  return tokens;
}

}  // namespace lockstep
