#include "data/audio/spectrum.h"

#include <fftw3.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <mutex>
#include <numbers>

#include "data/base/error.h"

namespace lockstep {
namespace {

/// Only executing a plan is safe with threads in FFTW.
std::mutex& planner_mutex() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

struct PowerSpectrum::Transform {
  explicit Transform(int64_t samples)
      : signal(fftwf_alloc_real(static_cast<size_t>(samples))),
        spectrum(fftwf_alloc_complex(static_cast<size_t>(samples / 2 + 1))) {
    const std::lock_guard lock(planner_mutex());
    // Measured plans would differ from run to run, and with them the last bits of the features.
    plan = fftwf_plan_dft_r2c_1d(static_cast<int>(samples), signal, spectrum, FFTW_ESTIMATE);
    LOCKSTEP_CHECK(plan != nullptr, "no plan for {} samples", samples);
  }
  ~Transform() {
    const std::lock_guard lock(planner_mutex());
    fftwf_destroy_plan(plan);
    fftwf_free(spectrum);
    fftwf_free(signal);
  }
  Transform(const Transform&) = delete;
  Transform& operator=(const Transform&) = delete;

  float* signal;
  fftwf_complex* spectrum;
  fftwf_plan plan = nullptr;
};

void pre_emphasise(std::vector<float>& samples, double coefficient) {
  const auto factor = static_cast<float>(coefficient);
  for (size_t t = samples.size(); t-- > 1;) samples[t] -= factor * samples[t - 1];
}

PowerSpectrum::PowerSpectrum(int64_t frame_samples, WindowShape shape) {
  LOCKSTEP_CHECK(frame_samples >= 2 && frame_samples <= kMaxFrameSamples, "frames of {} samples",
                 frame_samples);
  const double mean = shape == WindowShape::hamming ? 0.54 : 0.5;
  for (int64_t n = 0; n < frame_samples; ++n) {
    const double turn = static_cast<double>(n) / static_cast<double>(frame_samples - 1);
    window_.push_back(
        static_cast<float>(mean - (1 - mean) * std::cos(2 * std::numbers::pi * turn)));
  }
  transform_samples_ = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(frame_samples)));
  transform_ = std::make_unique<Transform>(transform_samples_);
}

PowerSpectrum::~PowerSpectrum() = default;

void PowerSpectrum::compute(const float* frame, float* power) {
  for (size_t n = 0; n < window_.size(); ++n) transform_->signal[n] = frame[n] * window_[n];
  std::fill(transform_->signal + window_.size(), transform_->signal + transform_samples_, 0.0F);
  fftwf_execute(transform_->plan);
  for (int64_t bin = 0; bin < bins(); ++bin) {
    const float* value = transform_->spectrum[bin];
    power[bin] = value[0] * value[0] + value[1] * value[1];
  }
}

}  // namespace lockstep
