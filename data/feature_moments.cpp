#include "data/feature_moments.h"

#include <algorithm>
#include <cmath>

namespace lockstep {
namespace {

/// Deviations below this share of the mean's size are rounding, not signal.
constexpr double kSmallestDeviation = 1e-9;

}  // namespace

void FeatureMoments::add(size_t feature, double value) {
  Moment& moment = moments_[feature];
  const double difference = value - moment.mean;
  moment.mean += difference / static_cast<double>(++moment.count);
  moment.squares += difference * (value - moment.mean);
}

void FeatureMoments::add_frames(const std::vector<float>& values) {
  for (size_t i = 0; i < values.size(); ++i) {
    add(i % moments_.size(), static_cast<double>(values[i]));
  }
}

FeatureScaling FeatureMoments::scaling() const {
  FeatureScaling scaling;
  for (const Moment& moment : moments_) {
    const auto count = static_cast<double>(std::max<int64_t>(1, moment.count));
    const double deviation = std::sqrt(moment.squares / count);
    const bool constant = deviation <= kSmallestDeviation * std::abs(moment.mean) || deviation == 0;
    scaling.mean.push_back(moment.mean);
    scaling.deviation.push_back(constant ? 1.0 : deviation);
  }
  return scaling;
}

}  // namespace lockstep
