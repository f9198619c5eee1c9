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

  explicit PrefixTree(const CtcPrior* prior) : prior_(prior) {
    nodes_.push_back({-1, -1, prior == nullptr ? 0 : prior->ngrams->first_context(), 0});
  }

  int64_t child(int64_t prefix, int64_t symbol) {
    const auto [found, is_new] =
        children_.emplace(std::pair(prefix, symbol), static_cast<int64_t>(nodes_.size()));
    if (is_new) nodes_.push_back(longer(prefix, symbol));
    return found->second;
  }
  /// What the prior makes of the beginning.
  double worth(int64_t prefix) const { return nodes_[static_cast<size_t>(prefix)].worth; }
  /// And of its being all.
  double worth_of_end(int64_t prefix, int64_t end) const {
    return prior_ == nullptr ? 0 : prior_->weight * log_p(prefix, end);
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
    int64_t context;  ///< of the n-gram behind it
    double worth;
  };

  Node longer(int64_t prefix, int64_t symbol) const {
    if (prior_ == nullptr) return {prefix, symbol, 0, 0};
    const int64_t context = nodes_[static_cast<size_t>(prefix)].context;
    return {prefix, symbol, prior_->ngrams->next_context(context, symbol),
            worth(prefix) + prior_->weight * log_p(prefix, symbol) + prior_->bonus};
  }
  double log_p(int64_t prefix, int64_t symbol) const {
    const int64_t context = nodes_[static_cast<size_t>(prefix)].context;
    return static_cast<double>(prior_->log_p[context * prior_->ngrams->outcomes() + symbol]);
  }

  const CtcPrior* prior_;
  std::vector<Node> nodes_;
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

  std::vector<Beam> best(int64_t width, const PrefixTree& tree) {
    const auto score = [&](const Beam& beam) { return beam.total() + tree.worth(beam.prefix); };
    std::stable_sort(beams_.begin(), beams_.end(),
                     [&](const Beam& a, const Beam& b) { return score(a) > score(b); });
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

CtcAnswer beam_search(const CtcScores& scores, int64_t width, const CtcPrior* prior) {
  PrefixTree tree(prior);
  std::vector<Beam> beams(1);
  beams[0].blank = 0;
  for (int64_t t = 0; t < scores.steps; ++t) {
    NextBeams next;
    for (const Beam& beam : beams) extend(beam, scores.at(t), scores, tree, next);
    beams = next.best(width, tree);
  }
  const int64_t end = scores.blank();
  const auto score = [&](const Beam& beam) {
    return beam.total() + tree.worth(beam.prefix) + tree.worth_of_end(beam.prefix, end);
  };
  const auto best = std::max_element(beams.begin(), beams.end(), [&](const Beam& a, const Beam& b) {
    return score(a) < score(b);
  });
  return {tree.symbols(best->prefix), best->total()};
}

}  // namespace lockstep
