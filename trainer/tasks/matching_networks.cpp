// T time, B questions, N candidates, O numbers of a vector, F features, V vocabulary.
#include "trainer/tasks/matching_networks.h"

#include "trainer/tasks/overlap_features.h"

namespace lockstep {

using torch::Tensor;

namespace {

/// How rare the question's tokens are, of one column.
std::vector<float> weights_of(const Tensor& weights_V, const Tensor& symbols_TB,
                              const std::vector<int64_t>& lengths, int64_t b) {
  const auto weights = weights_V.accessor<float, 1>();
  const auto symbols = symbols_TB.accessor<int64_t, 2>();
  std::vector<float> own;
  for (int64_t t = 0; t < lengths[static_cast<size_t>(b)]; ++t) {
    own.push_back(weights[symbols[t][b]]);
  }
  return own;
}

}  // namespace

MatchingNetworks::MatchingNetworks(int64_t vocabulary, const ModelConfig& config)
    : Ensemble(config.ensemble,
               [&](int number) { return MatchingNetwork(vocabulary, config, number); }),
      with_place_(config.candidate_place) {}

Tensor MatchingNetworks::features(const DeviceBatch& batch, const CandidateLists& lists) const {
  const Tensor weights_V = (*this)->token_weights().cpu();
  const Tensor symbols_TB = batch.inputs.cpu();
  std::vector<float> features;
  for (int64_t b = 0; b < batch.size(); ++b) {
    const auto begin = lists.matched.begin() + lists.first[static_cast<size_t>(b)];
    const auto end = lists.matched.begin() + lists.first[static_cast<size_t>(b) + 1];
    const std::vector<float> own = overlap_features(
        weights_of(weights_V, symbols_TB, batch.lengths, b), {begin, end}, with_place_);
    features.insert(features.end(), own.begin(), own.end());
  }
  return torch::tensor(features, torch::kFloat32)
      .view({lists.size(), (*this)->num_features()})
      .to(batch.inputs.device());
}

std::vector<Tensor> MatchingNetworks::scores(const DeviceBatch& batch, const CandidateLists& lists,
                                             const DropoutKey& key) {
  const DropoutKey of_answers{key.training, key.seed, key.step, &lists.ids};
  const Tensor owners_N = torch::tensor(lists.owners, torch::kInt64).to(batch.inputs.device());
  const Tensor features_NF = features(batch, lists);
  std::vector<Tensor> scores;
  for (MatchingNetwork& member : members()) {
    const Tensor question_BO = member->questions(batch.inputs, batch.lengths, key);
    const Tensor answer_NO =
        member->answers(lists.answers_TN, lists.lengths, lists.match_TN2, of_answers);
    scores.push_back(member->score_pairs(question_BO.index_select(0, owners_N), answer_NO,
                                         features_NF, of_answers));
  }
  return scores;
}

}  // namespace lockstep
