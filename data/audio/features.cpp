#include "data/audio/features.h"

#include <algorithm>
#include <cmath>

#include "data/base/error.h"
#include "data/feature_moments.h"

namespace lockstep {
namespace {

int64_t samples_of(double milliseconds, int64_t rate, const char* what) {
  const double samples = std::round(milliseconds * static_cast<double>(rate) / 1000);
  if (!(samples >= 2) || samples > static_cast<double>(PowerSpectrum::kMaxFrameSamples)) {
    throw Error(ExitCode::config, fmt::format("{} of {} ms are {} samples at {} Hz", what,
                                              milliseconds, samples, rate));
  }
  return static_cast<int64_t>(samples);
}

MelRange mel_range_of(const AudioInfo& info) {
  const double high = info.high_hz > 0 ? info.high_hz : static_cast<double>(info.sample_rate) / 2;
  return {info.bands, info.low_hz, high};
}

/// [values | deltas] frame by frame.
std::vector<float> beside(const std::vector<float>& left, int64_t left_features,
                          const std::vector<float>& right, int64_t right_features) {
  std::vector<float> joined;
  joined.reserve(left.size() + right.size());
  auto l = left.begin();
  for (auto r = right.begin(); r != right.end(); r += right_features, l += left_features) {
    joined.insert(joined.end(), l, l + left_features);
    joined.insert(joined.end(), r, r + right_features);
  }
  return joined;
}

/// Raises what is further below the loudest energy than `range_db`.
void limit_range(std::vector<float>& log_energies, double range_db) {
  if (range_db == 0) return;
  const double nepers = range_db / 10 * std::log(10.0);
  const float floor =
      *std::max_element(log_energies.begin(), log_energies.end()) - static_cast<float>(nepers);
  for (float& energy : log_energies) energy = std::max(energy, floor);
}

}  // namespace

AudioFeatures::AudioFeatures(const AudioInfo& info, const FeatureScaling& scaling)
    : info_(info),
      scaling_(scaling),
      step_samples_(samples_of(info.step_ms, info.sample_rate, "steps")),
      spectrum_(samples_of(info.window_ms, info.sample_rate, "windows"),
                info.window == "hann" ? WindowShape::hann : WindowShape::hamming),
      mel_(mel_range_of(info), spectrum_.bins(), info.sample_rate) {
  if (info.features == "mfcc") cosine_.emplace(info.coefficients, info.bands);
}

int64_t AudioFeatures::features() const {
  return (cosine_ ? cosine_->coefficients() : mel_.bands()) * (1 + info_.deltas);
}

std::vector<float> AudioFeatures::log_mel(std::vector<float> samples) {
  if (samples.empty()) throw Error(ExitCode::corrupt, "holds no sample");
  pre_emphasise(samples, info_.pre_emphasis);
  const auto window = static_cast<size_t>(spectrum_.frame_samples());
  if (samples.size() < window) samples.resize(window);
  const size_t frames = 1 + (samples.size() - window) / static_cast<size_t>(step_samples_);
  const auto bands = static_cast<size_t>(mel_.bands());
  std::vector<float> power(static_cast<size_t>(spectrum_.bins()));
  std::vector<float> energies(frames * bands);
  for (size_t t = 0; t < frames; ++t) {
    spectrum_.compute(samples.data() + t * static_cast<size_t>(step_samples_), power.data());
    mel_.log_energies(power.data(), energies.data() + t * bands);
  }
  limit_range(energies, info_.range_db);
  return energies;
}

std::vector<float> AudioFeatures::static_features(std::vector<float> samples) {
  std::vector<float> energies = log_mel(std::move(samples));
  if (!cosine_) return energies;
  const auto bands = static_cast<size_t>(mel_.bands());
  const auto width = static_cast<size_t>(cosine_->coefficients());
  const size_t frames = energies.size() / bands;
  std::vector<float> values(frames * width);
  for (size_t t = 0; t < frames; ++t) {
    cosine_->compute(energies.data() + t * bands, values.data() + t * width);
  }
  return values;
}

std::vector<float> AudioFeatures::measure(std::vector<float> samples) {
  std::vector<float> values = static_features(std::move(samples));
  const int64_t width = features() / (1 + info_.deltas);
  std::vector<float> derivative = values;
  for (int64_t order = 1; order <= info_.deltas; ++order) {
    derivative = regression_deltas(derivative, width);
    values = beside(values, width * order, derivative, width);
  }
  return values;
}

std::vector<float> AudioFeatures::compute(std::vector<float> samples) {
  std::vector<float> values = measure(std::move(samples));
  scale(values);
  return values;
}

void AudioFeatures::scale(std::vector<float>& values) const {
  if (info_.normalise == "none") return;
  FeatureScaling scaling = scaling_;
  if (info_.normalise == "utterance") {
    FeatureMoments moments(features());
    moments.add_frames(values);
    scaling = moments.scaling();
  }
  const auto width = static_cast<size_t>(features());
  LOCKSTEP_CHECK(scaling.mean.size() == width && scaling.deviation.size() == width,
                 "{} means for {} features", scaling.mean.size(), width);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>((static_cast<double>(values[i]) - scaling.mean[i % width]) /
                                   scaling.deviation[i % width]);
  }
}

}  // namespace lockstep
