#include "trainer/tasks/ranking_counts.h"

#include <fmt/format.h>

#include <cmath>

namespace lockstep {

torch::Tensor count_places(const torch::Tensor& places, int64_t cutoff) {
  const torch::Tensor counts = torch::bincount(places.clamp_max(cutoff + 1), {}, cutoff + 2);
  return counts.narrow(0, 1, cutoff).to(torch::kFloat32);
}

void add_ranking_metrics(const std::string& prefix, const double* counts, int64_t cutoff,
                         double total, Metrics& metrics) {
  double recall = 0, reciprocal = 0, gain = 0;
  for (int64_t i = 0; i < cutoff; ++i) {
    const auto place = static_cast<double>(i + 1);
    recall += counts[i];
    reciprocal += counts[i] / place;
    gain += counts[i] / std::log2(1 + place);
  }
  const auto add = [&](const char* name, double sum) {
    metrics.emplace_back(fmt::format("{}{}_at_{}", prefix, name, cutoff), sum / total);
  };
  add("recall", recall);
  add("mrr", reciprocal);
  add("ndcg", gain);
}

}  // namespace lockstep
