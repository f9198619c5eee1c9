// Scorers of pairs side by side, and what they see of a pair besides its texts.
#pragma once

#include "trainer/model/libtorch.h"

#include <vector>

#include "trainer/device_batch.h"
#include "trainer/tasks/candidate_lists.h"
#include "trainer/tasks/ensemble.h"
#include "trainer/tasks/matching_network.h"

namespace lockstep {

/// A dual encoder is only ever one network.
class MatchingNetworks : public Ensemble<MatchingNetwork> {
 public:
  MatchingNetworks(int64_t vocabulary, const ModelConfig& config);

  /// [N, F] of each candidate and its own question: overlap_features().
  torch::Tensor features(const DeviceBatch& batch, const CandidateLists& lists) const;
  /// [N] of each member: the score of each candidate for its own question.
  std::vector<torch::Tensor> scores(const DeviceBatch& batch, const CandidateLists& lists,
                                    const DropoutKey& key);

 private:
  bool with_place_;
};

}  // namespace lockstep
