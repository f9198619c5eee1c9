// Mel-frequency cepstral coefficients, and derivatives of features.
#pragma once

#include <cstdint>
#include <vector>

namespace lockstep {

/// Coefficients 0 to `coefficients` - 1 of log mel energies m[1..N]:
/// c[i] = sqrt(2 / N) sum_j m[j] cos(pi i (j - 1/2) / N) (The HTK Book, section "Cepstral
/// Features"), without liftering, which any normalisation undoes.
class CosineTransform {
 public:
  /// Throws Error(config) unless 1 <= coefficients <= bands.
  CosineTransform(int64_t coefficients, int64_t bands);

  int64_t coefficients() const { return coefficients_; }
  void compute(const float* log_energies, float* result) const;

 private:
  int64_t coefficients_;
  int64_t bands_;
  std::vector<float> weights_;  ///< coefficients x bands
};

/// Regression derivatives of `values` (frames x features):
/// d[t] = sum_k k (c[t + k] - c[t - k]) / (2 sum_k k^2), k = 1, 2, with the first and the last
/// frame repeated beyond the ends (The HTK Book, section "Delta and Acceleration Coefficients").
std::vector<float> regression_deltas(const std::vector<float>& values, int64_t features);

}  // namespace lockstep
