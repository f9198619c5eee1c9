// The candidates of a batch's questions, side by side.
#pragma once

#include "trainer/model/libtorch.h"

#include <vector>

#include "trainer/device_batch.h"
#include "trainer/tasks/overlap_features.h"

namespace lockstep {

/// T time, N candidates of all questions, one question's behind the other's.
struct CandidateLists {
  torch::Tensor answers_TN;      ///< symbols
  std::vector<int64_t> lengths;  ///< [N]
  torch::Tensor match_TN2;       ///< ones where a token, and where a token's stem, is shared
  std::vector<int64_t> first;    ///< [B + 1] question b has candidates first[b] to first[b + 1]
  std::vector<int64_t> owners;   ///< [N] the question's column
  std::vector<bool> right;       ///< [N]
  std::vector<int64_t> ids;      ///< [N] of the sample and its candidate, for dropout
  std::vector<MatchedAnswer> matched;  ///< [N]
  std::vector<float> identity;         ///< [N] equal for equal answers: 24 bits of a hash

  int64_t size() const { return static_cast<int64_t>(owners.size()); }
};

/// From the streams answers, lengths, match and right. Throws Error(corrupt) when their lengths do
/// not fit each other.
CandidateLists candidate_lists(const DeviceBatch& batch);

}  // namespace lockstep
