// Triangular filters that are evenly spaced on the mel scale.
#pragma once

#include <cstdint>
#include <vector>

namespace lockstep {

/// The mel scale of HTK, mel = 2595 log10(1 + f / 700) (Young et al., The HTK Book, section
/// "Filterbank Analysis"), not Slaney's, which is linear below 1 kHz.
double mel_of_hz(double hz);
double hz_of_mel(double mel);

struct MelRange {
  int64_t bands = 40;
  double low_hz = 0;
  double high_hz = 8000;
};

/// Band b (0 to bands - 1) rises from mel point b to b + 1 and falls to b + 2, where `bands` + 2
/// points divide the range evenly; its slopes are straight on the mel scale and peak at 1, as in
/// HTK.
class MelFilters {
 public:
  /// For power spectra of `bins` values from 0 Hz to `sample_rate` / 2. Throws Error(config) when
  /// the range is none or when a band is so narrow that it holds no bin.
  MelFilters(const MelRange& range, int64_t bins, int64_t sample_rate);

  int64_t bands() const { return static_cast<int64_t>(filters_.size()); }
  /// Writes log(max(sum of weight * power, kFloor)) of each band (natural logarithm).
  void log_energies(const float* power, float* energies) const;
  static constexpr float kFloor = 1e-10F;

 private:
  struct Filter {
    int64_t first_bin = 0;
    std::vector<float> weights;
  };

  std::vector<Filter> filters_;
};

}  // namespace lockstep
