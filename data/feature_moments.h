// Means and deviations that features are scaled with.
#pragma once

#include <cstdint>
#include <vector>

#include "data/signal_info.h"

namespace lockstep {

/// Mean and deviation (of the population) of each feature over many values, by Welford's method.
class FeatureMoments {
 public:
  explicit FeatureMoments(int64_t features) : moments_(static_cast<size_t>(features)) {}

  void add(size_t feature, double value);
  /// `values`: frames x features.
  void add_frames(const std::vector<float>& values);
  /// Features that never change, or never came, get the deviation 1.
  FeatureScaling scaling() const;

 private:
  struct Moment {
    int64_t count = 0;
    double mean = 0;
    double squares = 0;
  };

  std::vector<Moment> moments_;
};

}  // namespace lockstep
