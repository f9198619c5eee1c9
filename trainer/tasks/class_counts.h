// What figures of a classifier are computed from: counts that add up over batches and ranks.
#pragma once

#include "trainer/model/libtorch.h"

#include <string>
#include <utility>
#include <vector>

#include "trainer/observers/observer.h"

namespace lockstep {

/// The classes of one target. For each class: how many are of it, how many were taken for it, and
/// how many both; with up to four classes also histograms of scores, for the area under the curve.
class ClassCounts {
 public:
  /// `prefix` begins the names of the metrics.
  ClassCounts(int64_t classes, std::vector<std::string> labels, std::string prefix);

  int64_t classes() const { return classes_; }
  std::string label_of(int64_t number) const;
  /// How many sums there are; add_names() names them.
  int64_t size() const;
  void add_names(std::vector<std::string>& names) const;

  /// Counts rows of logits [N, C] by their labels [N]; those with kPaddingSymbol are left out.
  torch::Tensor count(const torch::Tensor& logits_NC, const torch::Tensor& labels_N) const;

  /// From size() sums on: accuracy; macro_f1, the mean over classes that occur of
  /// 2 correct / (true + predicted); mcc, Matthews' correlation in Gorodkin's form for any number
  /// of classes (2004); auc, the mean over classes of the area under the receiver's curve of one
  /// class against the others, to 1/128 of the range of log odds.
  void add_metrics(const double* sums, Metrics& metrics) const;
  /// For each class: the three counts, precision, recall and f1.
  std::vector<std::pair<std::string, Metrics>> class_metrics(const double* sums) const;

 private:
  bool has_scores() const;
  torch::Tensor score_histograms(const torch::Tensor& logits_NC,
                                 const torch::Tensor& labels_N) const;
  double area_under_curve(const double* histograms) const;

  int64_t classes_;
  std::vector<std::string> labels_;
  std::string prefix_;
};

}  // namespace lockstep
