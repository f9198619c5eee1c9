// Question and answer as two vectors, and a score for the pair.
#pragma once

#include "trainer/model/libtorch.h"

#include <nlohmann/json.hpp>
#include <string>

#include "trainer/model/dropout.h"
#include "trainer/model/lstm_stack.h"
#include "trainer/model/model_config.h"

namespace lockstep {

/// T time, N texts, B questions, O numbers of a vector, F features of a pair.
///
/// Parameters are named embedding_weight, question.* and (not `shared_encoder`) answer.* of the
/// LSTM layers, and of a scorer of pairs hidden.* and score.*. What the training answers taught are
/// buffers: answer_counts and num_answers, feature_mean, feature_deviation.
class MatchingNetworkImpl : public torch::nn::Module {
 public:
  /// Networks side by side tell their dropout apart by `number`.
  MatchingNetworkImpl(int64_t vocabulary, const ModelConfig& config, int number = 0);

  /// [T, N] symbols -> [N, O]. A scorer of pairs also reads `match_TN2`, which tokens stand in the
  /// question too; undefined: none. `key` has an id for each text.
  torch::Tensor questions(const torch::Tensor& symbols_TN, const Lengths& lengths,
                          const DropoutKey& key);
  torch::Tensor answers(const torch::Tensor& symbols_TN, const Lengths& lengths,
                        const torch::Tensor& match_TN2, const DropoutKey& key);

  /// What products of two vectors are: cosines times `logit_scale`, where that is not 0.
  torch::Tensor scaled(const torch::Tensor& vectors, double length) const;

  /// [N, O], [N, O], [N, F] -> [N].
  torch::Tensor score_pairs(const torch::Tensor& question_NO, const torch::Tensor& answer_NO,
                            const torch::Tensor& features_NF, const DropoutKey& key);

  bool scores_pairs() const { return config_.matching == "cross"; }
  int64_t num_features() const;
  /// How rare each token is among the answers to train on: log((all + 1) / (with it + 1)), [V].
  torch::Tensor token_weights() const;
  /// Learns counts of answers that hold each token, [V], of so many answers.
  void set_counts(const torch::Tensor& counts_V, double answers);
  void set_feature_moments(const torch::Tensor& mean_F, const torch::Tensor& deviation_F);

  std::string summary() const;

 private:
  torch::Tensor encode(LstmStack& lstm, const torch::Tensor& symbols_TN, const Lengths& lengths,
                       const torch::Tensor& match_TN2, const DropoutKey& key, int first_site);
  torch::Tensor encode_together(LstmStack& lstm, const torch::Tensor& symbols_TN,
                                const Lengths& lengths, const torch::Tensor& match_TN2,
                                const DropoutKey& key, int first_site);

  ModelConfig config_;
  int64_t vocabulary_;
  int first_site_;
  int64_t embedding_size_;
  torch::Tensor embedding_VE_, counts_V_, num_answers_, mean_F_, deviation_F_;
  LstmStack question_{nullptr}, answer_{nullptr};
  torch::nn::Linear hidden_{nullptr}, score_{nullptr};
};
TORCH_MODULE(MatchingNetwork);

}  // namespace lockstep
