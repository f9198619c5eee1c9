// The area under the receiver's curve, from counts that add up exactly.
#pragma once

#include "trainer/model/libtorch.h"

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep {

/// Scores between two bounds (those beyond count as at the bound), counted in kBins equal parts,
/// once for the negative and once for the positive ones. Counts of batches and ranks are whole
/// numbers, so their sums, and the area, are the same at any world size.
class ScoreHistogram {
 public:
  static constexpr int64_t kBins = 512;
  static constexpr int64_t kSize = 2 * kBins;

  ScoreHistogram(std::string name, double low, double high)
      : name_(std::move(name)), low_(low), high_(high) {}

  void add_names(std::vector<std::string>& names) const;
  /// float32 [kSize] of scores [N]; positive [N] is 0 or 1, int64.
  torch::Tensor count(const torch::Tensor& scores_N, const torch::Tensor& positive_N) const;
  /// The share of pairs of a positive and a negative one in which the positive one has the higher
  /// score; those of one bin count half. Not a number when there is no pair.
  static double area(const double* counts);

 private:
  std::string name_;
  double low_, high_;
};

}  // namespace lockstep
