// U different items.
#include "trainer/tasks/like_network.h"

#include <cmath>

#include "trainer/model/embedding_size.h"

namespace lockstep {

using torch::Tensor;

namespace {

constexpr int kHistorySite = 0, kJoinedSite = 1, kScoreSite = 2, kHistoryLayerSites = 10,
              kItemTextSites = 200;

}  // namespace

LikeNetworkImpl::LikeNetworkImpl(const nlohmann::json& description, const ModelConfig& config)
    : config_(config),
      known_items_(description.at("likes").at("known_items")),
      features_(config.item_features ? description.at("features").at("mean").size() : 0) {
  int64_t vector_size = 0;
  if (config.item_text) {
    text_ =
        register_module("text", ItemTextReader(description.at("texts"), config, kItemTextSites));
    vector_size += text_->output_size();
  }
  if (config.item_ids) {
    const int64_t size = embedding_size_of(config);
    const auto items = static_cast<int64_t>(description.at("items").size());
    item_VE_ = register_parameter("item_embedding_weight",
                                  torch::empty({items, size}).uniform_(-0.05, 0.05));
    vector_size += size;
  }
  ModelConfig forwards = config;
  forwards.bidirectional = false;
  const int64_t hidden = config.hidden_size;
  history_ = register_module("history", LstmStack(vector_size + 1, forwards));
  match_ = register_module("match", torch::nn::Linear(hidden, vector_size));
  joined_ = register_module("joined", torch::nn::Linear(hidden + vector_size + features_, hidden));
  score_ = register_module("score", torch::nn::Linear(hidden, 1));
}

Tensor LikeNetworkImpl::vectors(const Tensor& items, const DropoutKey& key) {
  const auto unique = at::_unique2(items.reshape(-1), /*sorted=*/true, /*return_inverse=*/true);
  const Tensor different_U = std::get<0>(unique), places = std::get<1>(unique);
  std::vector<Tensor> parts;
  if (text_) parts.push_back(text_->forward(different_U, key));
  if (item_VE_.defined()) {
    // Of an item that training has not, the embedding would say nothing but noise.
    const Tensor known_U1 =
        different_U.gt(0).logical_and(different_U.le(known_items_)).unsqueeze(1);
    parts.push_back(torch::embedding(item_VE_, different_U) * known_U1);
  }
  std::vector<int64_t> shape = items.sizes().vec();
  shape.push_back(-1);
  return torch::cat(parts, 1).index_select(0, places.reshape(-1)).view(shape);
}

Tensor LikeNetworkImpl::before(const Tensor& vectors_TBD, const Tensor& liked_TB,
                               const Lengths& lengths, const DropoutKey& key) {
  const Tensor said_TB1 = (2 * liked_TB.clamp_min(0) - 1).to(vectors_TBD.dtype()).unsqueeze(2);
  const Tensor events = torch::cat({vectors_TBD, said_TB1}, 2);
  const int64_t steps = events.size(0);
  const Tensor earlier =
      torch::cat({torch::zeros_like(events.narrow(0, 0, 1)), events.narrow(0, 0, steps - 1)});
  return history_->forward(dropout(earlier, config_.dropout, key, kHistorySite), lengths, key,
                           kHistoryLayerSites);
}

Tensor LikeNetworkImpl::log_odds(const Tensor& before_TBH, const Tensor& vectors_TBD,
                                 const Tensor& features_TBF, const DropoutKey& key) {
  std::vector<Tensor> parts = {before_TBH, vectors_TBD};
  if (features_ > 0) parts.push_back(features_TBF);
  const Tensor all = dropout(torch::cat(parts, 2), config_.dropout, key, kJoinedSite);
  const Tensor layer_TBH = dropout(joined_->forward(all).relu(), config_.dropout, key, kScoreSite);
  const double scale = 1 / std::sqrt(static_cast<double>(vectors_TBD.size(2)));
  const Tensor matches_TB = (match_->forward(before_TBH) * vectors_TBD).sum(2) * scale;
  return score_->forward(layer_TBH).squeeze(2) + matches_TB;
}

}  // namespace lockstep
