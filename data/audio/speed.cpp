#include "data/audio/speed.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace lockstep {
namespace {

/// sin(pi x) / (pi x) under the window, x in zero crossings: a table, interpolated.
class WindowedSinc {
 public:
  WindowedSinc() {
    values_[0] = 1;
    for (size_t i = 1; i < values_.size(); ++i) {
      const double x = static_cast<double>(i) / kPerCrossing, turn = std::numbers::pi * x;
      const double window = x < kZeroCrossings ? 0.5 + 0.5 * std::cos(turn / kZeroCrossings) : 0;
      values_[i] = std::sin(turn) / turn * window;
    }
  }

  /// `x` up to kZeroCrossings to either side.
  double operator()(double x) const {
    const double place = std::abs(x) * kPerCrossing;
    const auto below = static_cast<size_t>(place);
    const double rest = place - static_cast<double>(below);
    return values_[below] + rest * (values_[below + 1] - values_[below]);
  }

 private:
  static constexpr size_t kPerCrossing = 512;
  std::array<double, kZeroCrossings * kPerCrossing + 2> values_{};
};

}  // namespace

std::vector<float> at_speed(const std::vector<float>& samples, double speed) {
  if (samples.empty() || speed == 1) return samples;
  static const WindowedSinc windowed_sinc;
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
