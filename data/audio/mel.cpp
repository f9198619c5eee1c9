#include "data/audio/mel.h"

#include <algorithm>
#include <cmath>

#include "data/base/error.h"

namespace lockstep {

double mel_of_hz(double hz) {
  return 2595 * std::log10(1 + hz / 700);
}

double hz_of_mel(double mel) {
  return 700 * (std::pow(10, mel / 2595) - 1);
}

MelFilters::MelFilters(const MelRange& range, int64_t bins, int64_t sample_rate) {
  const double nyquist = static_cast<double>(sample_rate) / 2;
  if (range.low_hz < 0 || range.high_hz <= range.low_hz || range.high_hz > nyquist) {
    throw Error(ExitCode::config,
                fmt::format("mel bands from {} to {} Hz, but the sound has 0 to {} Hz",
                            range.low_hz, range.high_hz, nyquist));
  }
  const double low = mel_of_hz(range.low_hz);
  const double spacing = (mel_of_hz(range.high_hz) - low) / static_cast<double>(range.bands + 1);
  for (int64_t band = 0; band < range.bands; ++band) {
    const double peak = low + spacing * static_cast<double>(band + 1);
    Filter filter;
    for (int64_t bin = 0; bin < bins; ++bin) {
      const double hz = nyquist * static_cast<double>(bin) / static_cast<double>(bins - 1);
      const double weight = 1 - std::abs(mel_of_hz(hz) - peak) / spacing;
      if (weight <= 0) continue;
      if (filter.weights.empty()) filter.first_bin = bin;
      filter.weights.push_back(static_cast<float>(weight));
    }
    if (filter.weights.empty()) {
      throw Error(
          ExitCode::config,
          fmt::format("mel band {} of {} (around {:.0f} Hz) is narrower than the spectrum's "
                      "resolution",
                      band, range.bands, hz_of_mel(peak)),
          "take fewer bands or a longer window");
    }
    filters_.push_back(std::move(filter));
  }
}

void MelFilters::log_energies(const float* power, float* energies) const {
  for (const Filter& filter : filters_) {
    double sum = 0;
    for (size_t i = 0; i < filter.weights.size(); ++i) {
      sum += static_cast<double>(filter.weights[i]) *
             static_cast<double>(power[static_cast<size_t>(filter.first_bin) + i]);
    }
    *energies++ = std::log(std::max(static_cast<float>(sum), kFloor));
  }
}

}  // namespace lockstep
