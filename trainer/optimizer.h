// Update rules over flat buffers: one pass, nothing per parameter. A rank may keep and update its
// shard of the parameters only.
#pragma once

#include "trainer/model/libtorch.h"

#include <map>
#include <string>
#include <vector>

#include "trainer/comm/communicator.h"
#include "trainer/flat_buffers.h"
#include "trainer/optimizer_config.h"

namespace lockstep {

class Optimizer {
 public:
  /// Keeps state for the floats of `shard` only (all that is trained when not sharded). Throws
  /// Error(config) when `rate_factors` cannot be understood or name what the model lacks.
  Optimizer(const OptimizerConfig& config, FlatBuffers& buffers, Span shard);
  Optimizer(const OptimizerConfig& config, FlatBuffers& buffers);

  /// One update of the shard with gradients * gradient_scale. `step` counts updates from 1 (Adam's
  /// bias correction needs it).
  void update(int64_t step, double learning_rate, double gradient_scale);

  Span shard() const { return shard_; }
  int64_t state_bytes() const;  ///< of this rank

  /// Whole states as tensors named "exp_avg/PARAMETER" and so on, which `memory` keeps alive.
  /// Collective when sharded (`shards` are those of all ranks); only rank zero's are complete.
  std::vector<TensorView> gather_state(Communicator& exchange, const std::vector<Span>& shards,
                                       std::vector<torch::Tensor>& memory) const;
  /// The reverse, one state after the other: rank zero has read `tensors`, all get their part.
  /// Collective. Rank zero throws Error(corrupt) before anything is sent.
  void check_state(const std::map<std::string, StoredTensor>& tensors,
                   const std::string& origin) const;
  void scatter_state(const std::map<std::string, StoredTensor>& tensors, Communicator& exchange,
                     const std::string& origin);

  int64_t num_states() const { return static_cast<int64_t>(state_.size()); }

 private:
  /// Part of the shard whose learning rate has the same factor.
  struct Segment {
    Span span;
    double factor = 1;
  };

  void adam(const Segment& segment, int64_t step, double learning_rate, double gradient_scale);
  void sgd(const Segment& segment, double learning_rate, double gradient_scale);
  void adagrad(const Segment& segment, double learning_rate, double gradient_scale);
  void rmsprop(const Segment& segment, double learning_rate, double gradient_scale);
  /// Size and pointers, which all argument structures begin with.
  template <class Arguments>
  Arguments arguments(const Segment& segment, double gradient_scale) const;
  float* state_or_null(const std::string& name, const Segment& segment) const;
  void make_segments();
  torch::Tensor part_of(const torch::Tensor& whole) const;

  OptimizerConfig config_;
  FlatBuffers& buffers_;
  Span shard_;
  std::vector<Segment> segments_;               ///< one unless there are rate_factors
  std::map<std::string, torch::Tensor> state_;  ///< by state name, laid out like the shard
};

/// Squared L2 norm of each block of kNormBlock values (the last may be shorter), so that a sum over
/// blocks in order is the same however blocks are spread over ranks. Into the memory of `squares`.
inline constexpr int64_t kNormBlock = 4096;
void squared_norms_of_blocks(const torch::Tensor& values, std::vector<double>& squares);
/// Sum of them.
double squared_norm_of(const torch::Tensor& values);

}  // namespace lockstep
