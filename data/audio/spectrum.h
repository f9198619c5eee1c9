// Power spectra of windowed frames of a signal.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace lockstep {

enum class WindowShape { hamming, hann };

/// y[0] = x[0], y[t] = x[t] - coefficient * x[t - 1] over the whole signal.
void pre_emphasise(std::vector<float>& samples, double coefficient);

/// |DFT|^2, unscaled, of one frame times a symmetric window: hamming 0.54 - 0.46 cos(2 pi n / (N -
/// 1)) or hann 0.5 - 0.5 cos(2 pi n / (N - 1)), padded with zeros to the next power of two.
class PowerSpectrum {
 public:
  /// `frame_samples`: N, from 2 to kMaxFrameSamples.
  PowerSpectrum(int64_t frame_samples, WindowShape shape);
  ~PowerSpectrum();
  PowerSpectrum(const PowerSpectrum&) = delete;
  PowerSpectrum& operator=(const PowerSpectrum&) = delete;
  static constexpr int64_t kMaxFrameSamples = int64_t{1} << 20;

  int64_t frame_samples() const { return static_cast<int64_t>(window_.size()); }
  int64_t transform_samples() const { return transform_samples_; }
  /// From 0 Hz to half of the sample rate: transform_samples() / 2 + 1.
  int64_t bins() const { return transform_samples_ / 2 + 1; }
  /// Reads frame_samples() values, writes bins() values.
  void compute(const float* frame, float* power);

 private:
  struct Transform;

  std::vector<float> window_;
  int64_t transform_samples_ = 1;
  std::unique_ptr<Transform> transform_;
};

}  // namespace lockstep
