#include "data/audio/mfcc.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "data/base/error.h"

namespace lockstep {

CosineTransform::CosineTransform(int64_t coefficients, int64_t bands)
    : coefficients_(coefficients), bands_(bands) {
  if (coefficients < 1 || coefficients > bands) {
    throw Error(ExitCode::config,
                fmt::format("{} cepstral coefficients of {} mel bands", coefficients, bands));
  }
  const double scale = std::sqrt(2.0 / static_cast<double>(bands));
  for (int64_t i = 0; i < coefficients; ++i) {
    for (int64_t j = 0; j < bands; ++j) {
      const double turn = static_cast<double>(i) * (static_cast<double>(j) + 0.5);
      weights_.push_back(static_cast<float>(
          scale * std::cos(std::numbers::pi * turn / static_cast<double>(bands))));
    }
  }
}

void CosineTransform::compute(const float* log_energies, float* result) const {
  const float* weight = weights_.data();
  for (int64_t i = 0; i < coefficients_; ++i) {
    double sum = 0;
    for (int64_t j = 0; j < bands_; ++j) {
      sum += static_cast<double>(*weight++) * static_cast<double>(log_energies[j]);
    }
    result[i] = static_cast<float>(sum);
  }
}

std::vector<float> regression_deltas(const std::vector<float>& values, int64_t features) {
  constexpr int64_t kReach = 2;
  constexpr float kNorm = 2 * (1 + 4);
  const int64_t frames = static_cast<int64_t>(values.size()) / features;
  std::vector<float> deltas(values.size());
  const auto at = [&](int64_t t, int64_t f) {
    return values[static_cast<size_t>(std::clamp<int64_t>(t, 0, frames - 1) * features + f)];
  };
  for (int64_t t = 0; t < frames; ++t) {
    for (int64_t f = 0; f < features; ++f) {
      float sum = 0;
      for (int64_t k = 1; k <= kReach; ++k) {
        sum += static_cast<float>(k) * (at(t + k, f) - at(t - k, f));
      }
      deltas[static_cast<size_t>(t * features + f)] = sum / kNorm;
    }
  }
  return deltas;
}

}  // namespace lockstep
