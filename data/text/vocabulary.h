// Numbers for tokens.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace lockstep {

class Vocabulary {
 public:
  /// `tokens[i]` gets the number i; they must differ. `unknown` is the token that stands for all
  /// others; empty when there is none.
  explicit Vocabulary(std::vector<std::string> tokens, const std::string& unknown = {});

  int64_t size() const { return static_cast<int64_t>(tokens_.size()); }
  const std::vector<std::string>& tokens() const { return tokens_; }
  /// The number of a token, or that of the unknown token, or -1.
  int64_t find(const std::string& token) const;

 private:
  std::vector<std::string> tokens_;
  std::unordered_map<std::string, int64_t> numbers_;
  int64_t unknown_ = -1;
};

/// Counts tokens, then keeps the most frequent ones.
class VocabularyCounter {
 public:
  void add(const std::string& token) { ++counts_[token]; }
  /// `first` come first, counted or not; then the others by falling count, equal ones in the order
  /// of their bytes, until there are `limit` (0: all) or counts are below `min_count`.
  std::vector<std::string> most_frequent(const std::vector<std::string>& first, int64_t limit,
                                         int64_t min_count = 1) const;

 private:
  std::unordered_map<std::string, int64_t> counts_;
};

}  // namespace lockstep
