#include "trainer/tasks/ctc_decoding.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

namespace lockstep {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

double log_add(double a, double b) {
  if (a < b) std::swap(a, b);
  return b == kNever ? a : a + std::log1p(std::exp(b - a));
}

/// Beginnings of answers, each one symbol longer than another: a tree.
class PrefixTree {
 public:
  static constexpr int64_t kRoot = 0;

  int64_t child(int64_t prefix, int64_t symbol) {
    const auto [found, is_new] =
        children_.emplace(std::pair(prefix, symbol), static_cast<int64_t>(nodes_.size()));
    if (is_new) nodes_.push_back({prefix, symbol});
    return found->second;
  }
  /// -1 for the empty beginning.
  int64_t last_symbol(int64_t prefix) const { return nodes_[static_cast<size_t>(prefix)].symbol; }

  std::vector<int64_t> symbols(int64_t prefix) const {
    std::vector<int64_t> symbols;
    for (; prefix != kRoot; prefix = nodes_[static_cast<size_t>(prefix)].parent) {
      symbols.push_back(last_symbol(prefix));
    }
    std::reverse(symbols.begin(), symbols.end());
    return symbols;
  }

 private:
  struct Node {
    int64_t parent, symbol;
  };
  std::vector<Node> nodes_{{-1, -1}};
  std::map<std::pair<int64_t, int64_t>, int64_t> children_;
};

struct Beam {
  int64_t prefix = PrefixTree::kRoot;
  double blank = kNever;   ///< paths that end with a blank
  double symbol = kNever;  ///< paths that end with the last symbol

  double total() const { return log_add(blank, symbol); }
};

/// The beginnings after a step, in the order in which they were met.
class NextBeams {
 public:
  Beam& of(int64_t prefix) {
    const auto [found, is_new] = places_.emplace(prefix, beams_.size());
    if (is_new) beams_.push_back({prefix, kNever, kNever});
    return beams_[found->second];
  }

  std::vector<Beam> best(int64_t width) {
    std::stable_sort(beams_.begin(), beams_.end(),
                     [](const Beam& a, const Beam& b) { return a.total() > b.total(); });
    if (static_cast<int64_t>(beams_.size()) > width) beams_.resize(static_cast<size_t>(width));
    return std::move(beams_);
  }

 private:
  std::vector<Beam> beams_;
  std::map<int64_t, size_t> places_;
};

void extend(const Beam& beam, const float* log_p, const CtcScores& scores, PrefixTree& tree,
            NextBeams& next) {
  const int64_t last = tree.last_symbol(beam.prefix);
  Beam& same = next.of(beam.prefix);
  same.blank = log_add(same.blank, beam.total() + static_cast<double>(log_p[scores.blank()]));
  if (last >= 0) {
    same.symbol = log_add(same.symbol, beam.symbol + static_cast<double>(log_p[last]));
  }
  for (int64_t symbol = 0; symbol < scores.blank(); ++symbol) {
    // The same symbol again is a new one only behind a blank.
    const double before = symbol == last ? beam.blank : beam.total();
    if (before == kNever) continue;
    Beam& longer = next.of(tree.child(beam.prefix, symbol));
    longer.symbol = log_add(longer.symbol, before + static_cast<double>(log_p[symbol]));
  }
}

}  // namespace

CtcAnswer best_path(const CtcScores& scores) {
  CtcAnswer answer;
  int64_t before = scores.blank();
  for (int64_t t = 0; t < scores.steps; ++t) {
    const float* row = scores.at(t);
    const int64_t symbol = std::max_element(row, row + scores.symbols) - row;
    answer.log_p += static_cast<double>(row[symbol]);
    if (symbol != before && symbol != scores.blank()) answer.symbols.push_back(symbol);
    before = symbol;
  }
  return answer;
}

CtcAnswer beam_search(const CtcScores& scores, int64_t width) {
  PrefixTree tree;
  std::vector<Beam> beams(1);
  beams[0].blank = 0;
  for (int64_t t = 0; t < scores.steps; ++t) {
    NextBeams next;
    for (const Beam& beam : beams) extend(beam, scores.at(t), scores, tree, next);
    beams = next.best(width);
  }
  return {tree.symbols(beams.front().prefix), beams.front().total()};
}

}  // namespace lockstep
