#include "trainer/control_word.h"

#include <algorithm>

namespace lockstep {
namespace {

void write_halves(uint32_t number, float* place) {
  place[0] = static_cast<float>(number & 0xffff);
  place[1] = static_cast<float>(number >> 16);
}

uint32_t read_halves(const float* place) {
  return static_cast<uint32_t>(place[0]) | static_cast<uint32_t>(place[1]) << 16;
}

}  // namespace

void ControlWord::write(int rank, bool want_stop, const RankReport& report, float* word) const {
  std::fill_n(word, size() - task_sums_, 0.0f);
  word[0] = want_stop ? 1 : 0;
  float* place = word + 1 + slot() * rank;
  place[0] = static_cast<float>(report.loss_targets);
  place[1] = static_cast<float>(report.squared_norm);
  write_halves(report.fingerprint, place + 2);
  for (size_t i = 0; i < row_sparse_; ++i) {
    write_halves(static_cast<uint32_t>(report.rows.at(i)), place + 4 + 2 * i);
  }
}

void ControlWord::read(const float* word, Reading& reading) const {
  reading.sums.assign(word, word + task_sums_);
  reading.stop = word[task_sums_] > 0;
  reading.ranks.resize(static_cast<size_t>(world_size_));
  const float* place = word + task_sums_ + 1;
  for (RankReport& report : reading.ranks) {
    report.loss_targets = place[0];
    report.squared_norm = place[1];
    report.fingerprint = read_halves(place + 2);
    report.rows.resize(row_sparse_);
    for (size_t i = 0; i < row_sparse_; ++i) report.rows[i] = read_halves(place + 4 + 2 * i);
    place += slot();
  }
}

GradientNoise gradient_noise(const std::vector<RankReport>& ranks, double squared_norm_of_sum) {
  double small = 0, targets = 0, inverse = 0;
  int with_targets = 0;
  for (const RankReport& rank : ranks) {
    if (rank.loss_targets <= 0) continue;
    small += rank.squared_norm / (rank.loss_targets * rank.loss_targets);
    inverse += 1 / rank.loss_targets;
    targets += rank.loss_targets;
    ++with_targets;
  }
  if (with_targets < 2) return {};
  // E|g_b|^2 = |G|^2 + trace / b, for the mean gradient g_b of b targets.
  const double mean_small = small / with_targets;
  const double mean_inverse = inverse / with_targets;
  const double big = squared_norm_of_sum / (targets * targets);
  const double trace = (mean_small - big) / (mean_inverse - 1 / targets);
  return {big - trace / targets, trace};
}

std::vector<int> differing_ranks(const std::vector<RankReport>& ranks) {
  size_t most = 0;
  uint32_t majority = 0;
  for (const RankReport& candidate : ranks) {
    const auto same =
        static_cast<size_t>(std::count_if(ranks.begin(), ranks.end(), [&](const RankReport& other) {
          return other.fingerprint == candidate.fingerprint;
        }));
    if (same > most) {
      most = same;
      majority = candidate.fingerprint;
    }
  }
  std::vector<int> differing;
  if (most == ranks.size()) return differing;
  const bool clear = 2 * most > ranks.size();
  for (size_t rank = 0; rank < ranks.size(); ++rank) {
    if (!clear || ranks[rank].fingerprint != majority) differing.push_back(static_cast<int>(rank));
  }
  return differing;
}

}  // namespace lockstep
