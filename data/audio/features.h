// From samples to the features that a data set's manifest describes.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "data/audio/mel.h"
#include "data/audio/mfcc.h"
#include "data/audio/spectrum.h"
#include "data/signal_info.h"

namespace lockstep {

/// Computes log mel energies or cepstral coefficients with their derivatives, and normalises them:
/// "utterance" to mean 0 and deviation 1 of each feature of this sound, "train" with the given
/// means and deviations.
class AudioFeatures {
 public:
  /// Throws Error(config) when the settings do not fit together.
  explicit AudioFeatures(const AudioInfo& info, const FeatureScaling& scaling = {});

  /// Numbers of a frame.
  int64_t features() const;
  /// Before "train" normalisation, to measure its means on. `samples` at info.sample_rate; a sound
  /// shorter than a window is padded with zeros to one frame. Gives frames x features().
  /// Throws Error(corrupt) when there is no sample.
  std::vector<float> measure(std::vector<float> samples);
  /// The final features.
  std::vector<float> compute(std::vector<float> samples);

 private:
  std::vector<float> log_mel(std::vector<float> samples);
  std::vector<float> static_features(std::vector<float> samples);
  void scale(std::vector<float>& values) const;

  AudioInfo info_;
  FeatureScaling scaling_;
  int64_t step_samples_;
  PowerSpectrum spectrum_;
  MelFilters mel_;
  std::optional<CosineTransform> cosine_;
};

}  // namespace lockstep
