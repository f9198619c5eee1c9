// N rows, C classes.
#include "trainer/tasks/class_counts.h"

#include <fmt/format.h>

#include <cmath>

namespace lockstep {

using torch::Tensor;

namespace {

constexpr int64_t kMostScoredClasses = 4;
constexpr int64_t kScoreBins = 128;
constexpr double kLargestLogOdds = 12;

double ratio(double part, double whole) {
  return whole > 0 ? part / whole : NAN;
}

/// (c s - sum p t) / sqrt((s^2 - sum p^2) (s^2 - sum t^2)); 0 where nothing varies.
double matthews_correlation(const double* is, const double* taken, double correct,
                            int64_t classes) {
  double all = 0, product = 0, squared_is = 0, squared_taken = 0;
  for (int64_t i = 0; i < classes; ++i) {
    all += is[i];
    product += is[i] * taken[i];
    squared_is += is[i] * is[i];
    squared_taken += taken[i] * taken[i];
  }
  const double spread = (all * all - squared_is) * (all * all - squared_taken);
  if (all == 0) return NAN;
  return spread > 0 ? (correct * all - product) / std::sqrt(spread) : 0;
}

}  // namespace

ClassCounts::ClassCounts(int64_t classes, std::vector<std::string> labels, std::string prefix)
    : classes_(classes), labels_(std::move(labels)), prefix_(std::move(prefix)) {}

std::string ClassCounts::label_of(int64_t number) const {
  const auto index = static_cast<size_t>(number);
  return index < labels_.size() ? labels_[index] : std::to_string(number);
}

bool ClassCounts::has_scores() const {
  return classes_ <= kMostScoredClasses;
}

int64_t ClassCounts::size() const {
  return classes_ * (3 + (has_scores() ? 2 * kScoreBins : 0));
}

void ClassCounts::add_names(std::vector<std::string>& names) const {
  for (const char* what : {"true", "predicted", "correct"}) {
    for (int64_t i = 0; i < classes_; ++i) {
      names.push_back(fmt::format("{}{}_{}", prefix_, what, i));
    }
  }
  for (int64_t i = 0; has_scores() && i < classes_; ++i) {
    for (const char* what : {"others", "own"}) {
      for (int64_t bin = 0; bin < kScoreBins; ++bin) {
        names.push_back(fmt::format("{}score_{}_{}_{}", prefix_, what, i, bin));
      }
    }
  }
}

Tensor ClassCounts::count(const Tensor& logits_NC, const Tensor& labels_N) const {
  torch::NoGradGuard no_grad;
  const Tensor real = labels_N.ge(0);
  const Tensor rows = real.nonzero().squeeze(1);
  const bool all = rows.size(0) == labels_N.size(0);
  const Tensor logits = all ? logits_NC.detach() : logits_NC.detach().index_select(0, rows);
  const Tensor labels = all ? labels_N : labels_N.index_select(0, rows);
  const Tensor pairs =
      torch::bincount(labels * classes_ + logits.argmax(1), {}, classes_ * classes_)
          .view({classes_, classes_})
          .to(torch::kFloat32);
  std::vector<Tensor> counts = {pairs.sum(1), pairs.sum(0), pairs.diagonal()};
  if (has_scores()) counts.push_back(score_histograms(logits, labels));
  return torch::cat(counts);
}

/// For each class and bin of its log odds: how many others and how many of it, [C * 2 * bins].
Tensor ClassCounts::score_histograms(const Tensor& logits_NC, const Tensor& labels_N) const {
  const Tensor p_NC = logits_NC.softmax(1);
  const Tensor odds_NC = (p_NC.log() - (1 - p_NC).log()).nan_to_num(0.0);
  const Tensor bins_NC = ((odds_NC + kLargestLogOdds) * (kScoreBins / (2 * kLargestLogOdds)))
                             .clamp(0, kScoreBins - 1)
                             .to(torch::kInt64);
  const Tensor classes_C =
      torch::arange(classes_, torch::TensorOptions(torch::kInt64).device(logits_NC.device()));
  const Tensor own_NC = labels_N.unsqueeze(1).eq(classes_C.unsqueeze(0)).to(torch::kInt64);
  const Tensor index_NC = (classes_C.unsqueeze(0) * 2 + own_NC) * kScoreBins + bins_NC;
  return torch::bincount(index_NC.reshape(-1), {}, classes_ * 2 * kScoreBins).to(torch::kFloat32);
}

/// The share of pairs of one of the class and another in which the one has the higher score; those
/// in the same bin count half.
double ClassCounts::area_under_curve(const double* histograms) const {
  double sum = 0, occurring = 0;
  for (int64_t i = 0; i < classes_; ++i) {
    const double* others = histograms + 2 * i * kScoreBins;
    const double* own = others + kScoreBins;
    double below = 0, own_count = 0, pairs = 0;
    for (int64_t bin = 0; bin < kScoreBins; ++bin) {
      pairs += own[bin] * (below + others[bin] / 2);
      below += others[bin];
      own_count += own[bin];
    }
    if (own_count == 0 || below == 0) continue;
    sum += pairs / (own_count * below);
    ++occurring;
  }
  return ratio(sum, occurring);
}

void ClassCounts::add_metrics(const double* sums, Metrics& metrics) const {
  const double* is = sums;
  const double* taken = sums + classes_;
  const double* both = sums + 2 * classes_;
  double targets = 0, correct = 0, f1 = 0, occurring = 0;
  for (int64_t i = 0; i < classes_; ++i) {
    targets += is[i];
    correct += both[i];
    if (is[i] + taken[i] == 0) continue;
    f1 += 2 * both[i] / (is[i] + taken[i]);
    ++occurring;
  }
  metrics.emplace_back(prefix_ + "accuracy", ratio(correct, targets));
  metrics.emplace_back(prefix_ + "macro_f1", ratio(f1, occurring));
  metrics.emplace_back(prefix_ + "mcc", matthews_correlation(is, taken, correct, classes_));
  if (has_scores()) {
    metrics.emplace_back(prefix_ + "auc", area_under_curve(sums + 3 * classes_));
  }
}

std::vector<std::pair<std::string, Metrics>> ClassCounts::class_metrics(const double* sums) const {
  std::vector<std::pair<std::string, Metrics>> figures;
  for (int64_t i = 0; i < classes_; ++i) {
    const double is = sums[i], taken = sums[classes_ + i], both = sums[2 * classes_ + i];
    figures.emplace_back(prefix_ + label_of(i), Metrics{{"true", is},
                                                        {"predicted", taken},
                                                        {"correct", both},
                                                        {"precision", ratio(both, taken)},
                                                        {"recall", ratio(both, is)},
                                                        {"f1", ratio(2 * both, is + taken)}});
  }
  return figures;
}

}  // namespace lockstep
