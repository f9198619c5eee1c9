// An exponential moving average of the weights (Polyak & Juditsky 1992), for evaluation, prediction
// and the model file of checkpoints.
#pragma once

#include <cstdint>

#include "trainer/flat_buffers.h"

namespace lockstep {

class WeightAverage {
 public:
  /// `decay` 0: there is none. Begins with the parameters as they are at the first update.
  WeightAverage(double decay, FlatBuffers& buffers);

  bool active() const { return decay_ > 0; }
  /// After update number `step` (from 1). Of the decay, at most (1 + step) / (10 + step) counts, so
  /// that the first steps are soon forgotten.
  void update(int64_t step);
  torch::Tensor values() const { return average_; }

  /// While one lives, the model has the averaged weights; nothing must train then.
  class InPlace {
   public:
    explicit InPlace(WeightAverage& average) : average_(average) { average_.swap(); }
    ~InPlace() { average_.swap(); }
    InPlace(const InPlace&) = delete;
    InPlace& operator=(const InPlace&) = delete;

   private:
    WeightAverage& average_;
  };

 private:
  void swap();

  double decay_;
  FlatBuffers& buffers_;
  torch::Tensor average_;  ///< laid out like the parameters; undefined when there is none
};

}  // namespace lockstep
