#include "trainer/tasks/overlap_features.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

namespace lockstep {
namespace {

using PlaceSet = std::set<int64_t>;

PlaceSet places_in(const std::vector<int64_t>& matches) {
  PlaceSet places(matches.begin(), matches.end());
  places.erase(0);
  return places;
}

/// How rare the question's words are among the candidates, by place from 1.
std::vector<double> page_weights(const std::vector<PlaceSet>& stems, size_t question_length) {
  std::vector<double> holding(question_length + 1);
  for (const PlaceSet& places : stems) {
    for (const int64_t place : places) holding[static_cast<size_t>(place)] += 1;
  }
  std::vector<double> weights;
  const auto candidates = static_cast<double>(stems.size());
  for (const double count : holding) weights.push_back(std::log((candidates + 1) / (count + 0.5)));
  return weights;
}

/// Neighbours in the answer that are neighbours in the question.
int64_t shared_pairs(const std::vector<int64_t>& stems) {
  std::set<int64_t> pairs;
  for (size_t i = 0; i + 1 < stems.size(); ++i) {
    if (stems[i] > 0 && stems[i + 1] == stems[i] + 1) pairs.insert(stems[i]);
  }
  return static_cast<int64_t>(pairs.size());
}

/// Of one column: is it the largest of the list, and how far is it from the largest and the mean.
void add_comparison(const std::vector<std::vector<float>>& rows, size_t column,
                    std::vector<std::vector<float>>& more) {
  float largest = rows[0][column], sum = 0;
  for (const auto& row : rows) {
    largest = std::max(largest, row[column]);
    sum += row[column];
  }
  const float mean = sum / static_cast<float>(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const float value = rows[i][column];
    more[i].insert(more[i].end(), {value == largest ? 1.0F : 0.0F, value - largest, value - mean});
  }
}

}  // namespace

std::vector<float> overlap_features(const std::vector<float>& weights,
                                    const std::vector<MatchedAnswer>& page, bool places) {
  if (page.empty()) return {};
  std::vector<PlaceSet> words, stems;
  for (const MatchedAnswer& answer : page) {
    words.push_back(places_in(answer.words));
    stems.push_back(places_in(answer.stems));
  }
  const std::vector<double> page_weight = page_weights(stems, weights.size());
  const auto weight = [&](int64_t place) -> double {
    return weights[static_cast<size_t>(place) - 1];
  };
  const auto rarity = [&](int64_t place) { return page_weight[static_cast<size_t>(place)]; };
  double all = 0, all_joined = 0;
  for (int64_t place = 1; place <= static_cast<int64_t>(weights.size()); ++place) {
    all += weight(place);
    all_joined += weight(place) * rarity(place);
  }
  const double whole = std::max(all, 1e-6);
  const double whole_joined = std::max(all_joined, 1e-6);
  const auto length = static_cast<double>(std::max<size_t>(1, weights.size()));
  std::vector<std::vector<float>> rows;
  for (size_t i = 0; i < page.size(); ++i) {
    double same = 0, alike = 0, rare = 0, joined = 0;
    for (const int64_t place : words[i]) same += weight(place);
    for (const int64_t place : stems[i]) {
      alike += weight(place);
      rare += rarity(place);
      joined += weight(place) * rarity(place);
    }
    const double figures[] = {same / whole,
                              alike / whole,
                              static_cast<double>(words[i].size()) / length,
                              rare,
                              joined,
                              joined / whole_joined,
                              std::log1p(static_cast<double>(page[i].words.size())),
                              static_cast<double>(shared_pairs(page[i].stems)) / length};
    rows.emplace_back(std::begin(figures), std::end(figures));
  }
  std::vector<std::vector<float>> compared(rows.size());
  for (const size_t column : {size_t{1}, size_t{4}}) add_comparison(rows, column, compared);
  std::vector<float> features;
  for (size_t i = 0; i < rows.size(); ++i) {
    features.insert(features.end(), rows[i].begin(), rows[i].end());
    features.insert(features.end(), compared[i].begin(), compared[i].end());
    if (!places) continue;
    const auto place = static_cast<float>(i);
    features.insert(features.end(), {1 / (1 + place), i == 0 ? 1.0F : 0.0F, std::log1p(place)});
  }
  return features;
}

}  // namespace lockstep
