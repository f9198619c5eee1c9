// Draws the items that a training step tells the right one from.
#pragma once

#include <cstdint>
#include <vector>

#include "data/dataset.h"
#include "trainer/model/sampled_cross_entropy.h"

namespace lockstep {

class ItemSampler {
 public:
  /// Items are drawn in proportion to `power` of their counts as targets in `train`, those that
  /// never are like those that are once. Item 0, which stands for unknown ones, never is drawn, nor
  /// are those from `items` on.
  ItemSampler(const Split& train, const std::string& target, double power, int64_t items);

  /// A pure function of seed and step: the same on every rank and in every lane. On `device`.
  SampledItems draw(int64_t count, int64_t seed, int64_t step, torch::Device device) const;

 private:
  std::vector<double> sums_;  ///< of the weights of items up to each
};

}  // namespace lockstep
