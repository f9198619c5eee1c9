#include "data/text/bm25.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace lockstep {

void Bm25::add(const std::vector<std::string>& tokens) {
  std::map<std::string, int64_t> counts;
  for (const std::string& token : tokens) ++counts[token];
  const auto document = static_cast<int64_t>(lengths_.size());
  for (const auto& [token, count] : counts) postings_[token].push_back({document, count});
  lengths_.push_back(static_cast<int64_t>(tokens.size()));
  total_length_ += lengths_.back();
}

double Bm25::weight_of(size_t holding) const {
  const auto documents = static_cast<double>(lengths_.size());
  const auto with = static_cast<double>(holding);
  return std::log(1 + (documents - with + 0.5) / (with + 0.5));
}

double Bm25::best_possible(const std::vector<std::string>& query) const {
  double sum = 0;
  for (const std::string& token : std::set<std::string>(query.begin(), query.end())) {
    const auto found = postings_.find(token);
    sum += weight_of(found == postings_.end() ? 0 : found->second.size()) * (kSaturation + 1);
  }
  return sum;
}

std::vector<std::pair<int64_t, double>> Bm25::best(const std::vector<std::string>& query,
                                                   size_t most) const {
  const double mean_length =
      std::max(1.0, static_cast<double>(total_length_) / static_cast<double>(lengths_.size()));
  std::map<int64_t, double> scores;
  for (const std::string& token : std::set<std::string>(query.begin(), query.end())) {
    const auto found = postings_.find(token);
    if (found == postings_.end()) continue;
    const double weight = weight_of(found->second.size());
    for (const Posting& posting : found->second) {
      const auto count = static_cast<double>(posting.count);
      const auto length = static_cast<double>(lengths_[static_cast<size_t>(posting.document)]);
      const double norm = kSaturation * (1 - kLengthShare + kLengthShare * length / mean_length);
      scores[posting.document] += weight * count * (kSaturation + 1) / (count + norm);
    }
  }
  std::vector<std::pair<int64_t, double>> ranked(scores.begin(), scores.end());
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  if (ranked.size() > most) ranked.resize(most);
  return ranked;
}

}  // namespace lockstep
