// Plain text retrieval: Okapi BM25 (Robertson et al. 1994).
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lockstep {

class Bm25 {
 public:
  /// The next document, numbered from 0.
  void add(const std::vector<std::string>& tokens);

  /// Documents that share a token with the query, best first, `most` of them; of equal scores the
  /// earlier document first. The weight of a token is log(1 + (N - n + 0.5) / (n + 0.5)) of N
  /// documents of which n hold it.
  std::vector<std::pair<int64_t, double>> best(const std::vector<std::string>& query,
                                               size_t most) const;
  /// What no document exceeds: every token of the query, again and again.
  double best_possible(const std::vector<std::string>& query) const;

 private:
  static constexpr double kSaturation = 1.2;    ///< k1
  static constexpr double kLengthShare = 0.75;  ///< b

  struct Posting {
    int64_t document;
    int64_t count;
  };

  double weight_of(size_t holding) const;

  std::unordered_map<std::string, std::vector<Posting>> postings_;
  std::vector<int64_t> lengths_;
  int64_t total_length_ = 0;
};

}  // namespace lockstep
