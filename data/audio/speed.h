// Sound at another speed.
#pragma once

#include <vector>

namespace lockstep {

/// The samples read `speed` times as fast: their number is divided by it, and all frequencies are
/// multiplied, pitch and formants alike (Ko et al. 2015). Interpolated by a sinc under a Hann
/// window of kZeroCrossings to each side, which is wider for speeds above 1, so that what would lie
/// beyond half of the sample rate goes (Smith & Gossett 1984). Not empty where the samples are not.
std::vector<float> at_speed(const std::vector<float>& samples, double speed);
inline constexpr int kZeroCrossings = 16;

}  // namespace lockstep
