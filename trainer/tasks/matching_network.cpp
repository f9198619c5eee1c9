#include "trainer/tasks/matching_network.h"

#include <algorithm>
#include <vector>

#include "data/base/error.h"
#include "trainer/model/embedding_size.h"
#include "trainer/model/with_length.h"
#include "trainer/tasks/overlap_features.h"

namespace lockstep {

using torch::Tensor;

namespace {

constexpr int kAnswerSites = 500, kScorerSites = 1000, kSitesOfMatching = 2000;
constexpr int kMatchInputSite = 0, kMatchSymbolSite = 1, kMatchPooledSite = 2, kMatchLstmSites = 3;
constexpr int64_t kMatchFeatures = 2;
constexpr int64_t kTextsOfLikeLength = 64;

}  // namespace

MatchingNetworkImpl::MatchingNetworkImpl(int64_t vocabulary, const ModelConfig& config, int number)
    : config_(config),
      vocabulary_(vocabulary),
      first_site_(kSitesOfMatching * number),
      embedding_size_(embedding_size_of(config)) {
  embedding_VE_ =
      register_parameter("embedding_weight", torch::empty({vocabulary, embedding_size_}));
  embedding_VE_.data().uniform_(-0.1, 0.1);
  const int64_t inputs = embedding_size_ + (scores_pairs() ? kMatchFeatures : 0);
  question_ = register_module("question", LstmStack(inputs, config));
  answer_ =
      config.shared_encoder ? question_ : register_module("answer", LstmStack(inputs, config));
  counts_V_ = register_buffer("answer_counts", torch::zeros({vocabulary}));
  num_answers_ = register_buffer("num_answers", torch::zeros({1}));
  if (!scores_pairs()) return;
  mean_F_ = register_buffer("feature_mean", torch::zeros({num_features()}));
  deviation_F_ = register_buffer("feature_deviation", torch::ones({num_features()}));
  const int64_t vector = question_->output_size();
  hidden_ =
      register_module("hidden", torch::nn::Linear(3 * vector + num_features(), config.scorer_size));
  score_ = register_module("score", torch::nn::Linear(config.scorer_size, 1));
}

int64_t MatchingNetworkImpl::num_features() const {
  return kOverlapFeatures + (config_.candidate_place ? kPlaceFeatures : 0);
}

Tensor MatchingNetworkImpl::questions(const Tensor& symbols_TN, const Lengths& lengths,
                                      const DropoutKey& key) {
  return encode(question_, symbols_TN, lengths, {}, key, first_site_);
}

Tensor MatchingNetworkImpl::answers(const Tensor& symbols_TN, const Lengths& lengths,
                                    const Tensor& match_TN2, const DropoutKey& key) {
  return encode(answer_, symbols_TN, lengths, match_TN2, key, first_site_ + kAnswerSites);
}

/// Texts of like length are encoded together: the longest one of all makes none but its neighbours
/// longer.
Tensor MatchingNetworkImpl::encode(LstmStack& lstm, const Tensor& symbols_TN,
                                   const Lengths& lengths, const Tensor& match_TN2,
                                   const DropoutKey& key, int first_site) {
  const auto count = static_cast<int64_t>(lengths.size());
  if (count <= kTextsOfLikeLength) {
    return encode_together(lstm, symbols_TN, lengths, match_TN2, key, first_site);
  }
  const Tensor order_N = torch::tensor(lengths, torch::kInt64).argsort(/*stable=*/true, 0, false);
  const Tensor places_N = order_N.to(symbols_TN.device());
  std::vector<Tensor> vectors;
  for (int64_t begin = 0; begin < count; begin += kTextsOfLikeLength) {
    const int64_t size = std::min(kTextsOfLikeLength, count - begin);
    Lengths own_lengths;
    std::vector<int64_t> own_ids;
    DropoutKey own_key = key;
    for (int64_t i = begin; i < begin + size; ++i) {
      const auto place = static_cast<size_t>(order_N.const_data_ptr<int64_t>()[i]);
      own_lengths.push_back(lengths[place]);
      if (key.sample_ids != nullptr) own_ids.push_back((*key.sample_ids)[place]);
    }
    if (key.sample_ids != nullptr) own_key.sample_ids = &own_ids;
    const auto own = [&](const Tensor& all) {
      if (!all.defined()) return all;
      return all.narrow(0, 0, own_lengths.back()).index_select(1, places_N.narrow(0, begin, size));
    };
    vectors.push_back(
        encode_together(lstm, own(symbols_TN), own_lengths, own(match_TN2), own_key, first_site));
  }
  return torch::cat(vectors).index_select(0, places_N.argsort());
}

Tensor MatchingNetworkImpl::encode_together(LstmStack& lstm, const Tensor& symbols_TN,
                                            const Lengths& lengths, const Tensor& match_TN2,
                                            const DropoutKey& key, int first_site) {
  Tensor x_TNE = torch::embedding(embedding_VE_, symbols_TN.clamp_min(0));
  x_TNE = dropout(x_TNE, config_.dropout, key, first_site + kMatchInputSite);
  x_TNE = drop_steps(x_TNE, config_.symbol_dropout, key, first_site + kMatchSymbolSite);
  if (scores_pairs()) {
    const Tensor match = match_TN2.defined()
                             ? match_TN2
                             : torch::zeros({x_TNE.size(0), x_TNE.size(1), kMatchFeatures},
                                            torch::TensorOptions(x_TNE.device()));
    x_TNE = torch::cat({x_TNE, match}, 2);
  }
  const Tensor y_TNO = lstm->forward(x_TNE, lengths, key, first_site + kMatchLstmSites);
  const Tensor pooled_NO = pool_over_time(y_TNO, lengths, config_.pooling, config_.bidirectional);
  return dropout(pooled_NO, config_.dropout, key, first_site + kMatchPooledSite);
}

Tensor MatchingNetworkImpl::scaled(const Tensor& vectors, double length) const {
  return config_.logit_scale == 0 ? vectors : with_length(vectors, length);
}

Tensor MatchingNetworkImpl::score_pairs(const Tensor& question_NO, const Tensor& answer_NO,
                                        const Tensor& features_NF, const DropoutKey& key) {
  const Tensor known_NF = (features_NF - mean_F_) / deviation_F_;
  const Tensor all = torch::cat({question_NO, answer_NO, question_NO * answer_NO, known_NF}, 1);
  const Tensor hidden = hidden_->forward(all).relu();
  return score_->forward(dropout(hidden, config_.dropout, key, first_site_ + kScorerSites))
      .squeeze(1);
}

Tensor MatchingNetworkImpl::token_weights() const {
  return ((num_answers_ + 1) / (counts_V_ + 1)).log();
}

void MatchingNetworkImpl::set_counts(const Tensor& counts_V, double answers) {
  torch::NoGradGuard no_grad;
  counts_V_.copy_(counts_V);
  num_answers_.fill_(answers);
}

void MatchingNetworkImpl::set_feature_moments(const Tensor& mean_F, const Tensor& deviation_F) {
  torch::NoGradGuard no_grad;
  mean_F_.copy_(mean_F);
  deviation_F_.copy_(deviation_F);
}

std::string MatchingNetworkImpl::summary() const {
  const std::string scorer = scores_pairs()
                                 ? fmt::format("pairs and {} overlap features -> {} -> score",
                                               num_features(), config_.scorer_size)
                                 : "products of vectors";
  return fmt::format("embedding {} -> {}, {}{} x lstm -> {}, {} over time, {}; {}", vocabulary_,
                     embedding_size_, config_.bidirectional ? "bidirectional " : "",
                     config_.num_layers, config_.hidden_size, config_.pooling,
                     config_.shared_encoder ? "one encoder" : "an encoder each", scorer);
}

}  // namespace lockstep
