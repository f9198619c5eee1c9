// Dropout whose mask is a pure function of (seed, step, sample, site, place in the sample): the
// same at any world size and in any cut into micro-batches.
#pragma once

#include "trainer/model/libtorch.h"

#include <cstdint>
#include <vector>

namespace lockstep {

/// What masks of one step are made from. `training` false: no dropout at all.
struct DropoutKey {
  bool training = false;
  int64_t seed = 0;
  int64_t step = 0;
  const std::vector<int64_t>* sample_ids = nullptr;  ///< [batch]
  bool same_at_all_steps = false;                    ///< masks of [T, B, F] do not depend on T
};

/// Zeroes a share `probability` of the values and scales the others by 1 / (1 - probability)
/// (Srivastava et al. 2014). x is [T, B, F] or [B, F]; `site` tells the places of a network apart.
torch::Tensor dropout(const torch::Tensor& x, double probability, const DropoutKey& key, int site);

/// What dropout() would multiply a tensor of that shape by, of a key that trains.
torch::Tensor dropout_mask(at::IntArrayRef shape, torch::Device device, double probability,
                           const DropoutKey& key, int site);

/// Zeroes whole steps of x [T, B, F], so that their symbols are not shown at all (Iyyer et al.
/// 2015), and scales the others. Steps are dropped one by one also where other masks are the same
/// at all of them.
torch::Tensor drop_steps(const torch::Tensor& x_TBF, double probability, const DropoutKey& key,
                         int site);

}  // namespace lockstep
