// Rows of all ranks, for losses that look beyond a rank's own part of the batch.
#pragma once

#include "trainer/model/libtorch.h"

#include <functional>

namespace lockstep {

/// In the order of ranks; own rows are [begin, begin + own) and without a graph.
struct GatheredRows {
  torch::Tensor all_NF;
  int64_t begin = 0;
};
/// Collective; ranks may bring different numbers of rows, and none.
using GatherRows = std::function<GatheredRows(const torch::Tensor& own_NF)>;

/// Work that some ranks share: this one's place among them, and how they give each other what they
/// made (rows in host memory).
struct SharedWork {
  int rank = 0;
  int world_size = 1;
  GatherRows gather;  ///< none where one rank works alone
};

}  // namespace lockstep
