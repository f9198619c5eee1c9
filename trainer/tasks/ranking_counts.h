// Figures of rankings, from counts that add up exactly.
#pragma once

#include "trainer/model/libtorch.h"

#include <string>
#include <vector>

#include "trainer/observers/observer.h"

namespace lockstep {

/// How many of the right answers stood in place 1, 2, ... `cutoff`: float32 [cutoff]. `places` are
/// int64, from 1; 0 and what is beyond the cutoff counts as missed.
torch::Tensor count_places(const torch::Tensor& places, int64_t cutoff);

/// "PREFIXrecall_at_K", "PREFIXmrr_at_K" (a miss counts 0) and "PREFIXndcg_at_K" (one right answer:
/// 1 / log2(1 + place)) of `total` rankings.
void add_ranking_metrics(const std::string& prefix, const double* counts, int64_t cutoff,
                         double total, Metrics& metrics);

}  // namespace lockstep
