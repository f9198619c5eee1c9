// Scorers of pairs side by side, and what they see of a pair besides its texts.
#pragma once

#include "trainer/model/libtorch.h"

#include <string>
#include <vector>

#include "trainer/device_batch.h"
#include "trainer/tasks/candidate_lists.h"
#include "trainer/tasks/matching_network.h"

namespace lockstep {

/// One network is the model itself, several are its members member_0, member_1, ...
class MatchingNetworks {
 public:
  MatchingNetworks(int64_t vocabulary, const ModelConfig& config);

  torch::nn::Module& module() { return members_.size() == 1 ? *members_[0] : holder_; }
  std::vector<MatchingNetwork>& members() { return members_; }
  /// Asked for what all have in common, and the only one of a dual encoder.
  MatchingNetworkImpl* operator->() { return members_.front().get(); }
  const MatchingNetworkImpl* operator->() const { return members_.front().get(); }

  /// [N, F] of each candidate and its own question: overlap_features().
  torch::Tensor features(const DeviceBatch& batch, const CandidateLists& lists) const;
  /// [N] of each member: the score of each candidate for its own question.
  std::vector<torch::Tensor> scores(const DeviceBatch& batch, const CandidateLists& lists,
                                    const DropoutKey& key);

 private:
  bool with_place_;
  std::vector<MatchingNetwork> members_;
  torch::nn::Module holder_{"ensemble"};
};

}  // namespace lockstep
