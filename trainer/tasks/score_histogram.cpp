#include "trainer/tasks/score_histogram.h"

#include <fmt/format.h>

#include <cmath>

namespace lockstep {

void ScoreHistogram::add_names(std::vector<std::string>& names) const {
  for (const char* side : {"negative", "positive"}) {
    for (int64_t bin = 0; bin < kBins; ++bin) {
      names.push_back(fmt::format("{}_{}_{}", name_, side, bin));
    }
  }
}

torch::Tensor ScoreHistogram::count(const torch::Tensor& scores_N,
                                    const torch::Tensor& positive_N) const {
  const torch::Tensor bins_N =
      ((scores_N.detach().to(torch::kFloat64) - low_) * (kBins / (high_ - low_)))
          .clamp(0, kBins - 1)
          .to(torch::kInt64);
  return torch::bincount(positive_N * kBins + bins_N, {}, kSize).to(torch::kFloat32);
}

double ScoreHistogram::area(const double* counts) {
  const double* positive = counts + kBins;
  double below = 0, all_positive = 0, pairs = 0;
  for (int64_t bin = 0; bin < kBins; ++bin) {
    pairs += positive[bin] * (below + counts[bin] / 2);
    below += counts[bin];
    all_positive += positive[bin];
  }
  return all_positive > 0 && below > 0 ? pairs / (all_positive * below) : NAN;
}

}  // namespace lockstep
