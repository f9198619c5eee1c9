#include "data/audio/speed.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace lockstep {
namespace {

/// sin(pi x) / (pi x) under the window; `x` in zero crossings.
double windowed_sinc(double x) {
  if (std::abs(x) >= kZeroCrossings) return 0;
  if (std::abs(x) < 1e-9) return 1;
  const double turn = std::numbers::pi * x;
  return std::sin(turn) / turn * (0.5 + 0.5 * std::cos(turn / kZeroCrossings));
}

}  // namespace

std::vector<float> at_speed(const std::vector<float>& samples, double speed) {
  if (samples.empty() || speed == 1) return samples;
  const double band = std::min(1.0, 1 / speed);  // that is kept
  const auto count = static_cast<int64_t>(samples.size());
  const auto length = std::max<int64_t>(1, std::llround(static_cast<double>(count) / speed));
  std::vector<float> result(static_cast<size_t>(length));
  for (int64_t i = 0; i < length; ++i) {
    const double place = static_cast<double>(i) * speed, reach = kZeroCrossings / band;
    const auto first = std::max<int64_t>(0, static_cast<int64_t>(std::ceil(place - reach)));
    const auto last = std::min<int64_t>(count - 1, static_cast<int64_t>(std::floor(place + reach)));
    double sum = 0;
    for (int64_t k = first; k <= last; ++k) {
      sum += static_cast<double>(samples[static_cast<size_t>(k)]) *
             windowed_sinc(band * (place - static_cast<double>(k)));
    }
    result[static_cast<size_t>(i)] = static_cast<float>(band * sum);
  }
  return result;
}

}  // namespace lockstep
