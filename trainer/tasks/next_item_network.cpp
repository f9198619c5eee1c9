#include "trainer/tasks/next_item_network.h"

#include <cmath>

#include "trainer/model/embedding_size.h"
#include "trainer/model/with_length.h"

namespace lockstep {

using torch::Tensor;

namespace {

constexpr int kItemSite = 0, kStateSite = 1, kSessionLayerSites = 2, kTextSites = 200;

}  // namespace

NextItemNetworkImpl::NextItemNetworkImpl(int64_t vocabulary, int64_t known,
                                         const nlohmann::json& texts, const ModelConfig& config)
    : config_(config),
      known_(known),
      readable_(config.item_text ? vocabulary : known),
      embedding_size_(embedding_size_of(config)),
      lstm_(embedding_size_, config) {
  const double bound = 1 / std::sqrt(static_cast<double>(embedding_size_));
  if (config.item_ids) {
    embedding_KE_ = register_parameter("embedding_weight", torch::empty({known, embedding_size_}));
    embedding_KE_.data().uniform_(-bound, bound);
    embedding_KE_.data()[0].zero_();  // nothing is known of what training never had
  }
  register_module("lstm", lstm_);
  const int64_t width = lstm_->output_size();
  if (config.tied && embedding_size_ != width) {
    projection_ = register_module("projection", torch::nn::Linear(width, embedding_size_));
  }
  if (config.item_text) {
    text_ = register_module("text", ItemTextReader(texts, config, kTextSites));
    text_matrix_ = register_module(
        "text_matrix",
        torch::nn::Linear(
            torch::nn::LinearOptions(text_->output_size(), embedding_size_).bias(false)));
  }
  if (!config.tied) {
    output_KH_ =
        register_parameter("output_weight", torch::empty({known, width}).uniform_(-bound, bound));
  }
  if (config.logit_scale == 0) {
    bias_K_ = register_parameter("output_bias", torch::zeros({known}));
  }
}

Tensor NextItemNetworkImpl::id_vectors() {
  if (known_ == readable_) return embedding_KE_;
  const auto options = torch::TensorOptions().device(device());
  const Tensor others = torch::zeros({readable_ - known_, embedding_size_}, options);
  return torch::cat({embedding_KE_, others});
}

Tensor NextItemNetworkImpl::text_vectors(const Tensor& items_U, const DropoutKey& key) {
  return text_matrix_->forward(text_->forward(items_U, key));
}

Tensor NextItemNetworkImpl::vectors(const DropoutKey& key) {
  if (!text_) return id_vectors();
  const Tensor texts_VE = text_vectors(torch::arange(readable_).to(device()), key);
  return embedding_KE_.defined() ? id_vectors() + texts_VE : texts_VE;
}

Tensor NextItemNetworkImpl::vectors_to_learn(const Tensor& items, const DropoutKey& key) {
  if (!text_ || known_ == readable_) return vectors(key);
  const Tensor known_K = torch::arange(known_).to(device());
  const Tensor items_U =
      std::get<0>(at::_unique2(torch::cat({known_K, items.reshape(-1)}), /*sorted=*/true));
  const Tensor ids_VE = embedding_KE_.defined()
                            ? id_vectors()
                            : torch::zeros({readable_, embedding_size_}, known_K.device());
  return ids_VE.index_add(0, items_U, text_vectors(items_U, key));
}

Tensor NextItemNetworkImpl::vectors_of(const Tensor& items_N, const DropoutKey& key) {
  Tensor texts_NE;
  if (text_) {
    const auto unique = at::_unique2(items_N, /*sorted=*/true, /*return_inverse=*/true);
    texts_NE = text_vectors(std::get<0>(unique), key).index_select(0, std::get<1>(unique));
  }
  if (!embedding_KE_.defined()) return texts_NE;
  const Tensor known_N = items_N.lt(known_);
  Tensor rows_NE = torch::embedding(embedding_KE_, items_N * known_N, -1, false, /*sparse=*/true);
  if (known_ < readable_) rows_NE = rows_NE * known_N.unsqueeze(1);
  return text_ ? rows_NE + texts_NE : rows_NE;
}

Tensor NextItemNetworkImpl::states(const Tensor& x_TBE, const Lengths& lengths,
                                   const DropoutKey& key) {
  const Tensor y_TBH = lstm_->forward(dropout(x_TBE, config_.dropout, key, kItemSite), lengths, key,
                                      kSessionLayerSites);
  const Tensor dropped = dropout(y_TBH, config_.dropout, key, kStateSite);
  return dropped.reshape({-1, lstm_->output_size()});
}

Tensor NextItemNetworkImpl::queries(const Tensor& states_NH) {
  const Tensor rows = projection_ ? projection_->forward(states_NH) : states_NH;
  return config_.logit_scale > 0 ? with_length(rows, config_.logit_scale) : rows;
}

Tensor NextItemNetworkImpl::keys(const Tensor& rows_NE) {
  return config_.logit_scale > 0 ? with_length(rows_NE, 1) : rows_NE;
}

Tensor NextItemNetworkImpl::candidates(const Tensor& vectors_VE, int64_t end) {
  const Tensor& all = config_.tied ? vectors_VE : output_KH_;
  return keys(all.narrow(0, 1, end - 1));
}

Tensor NextItemNetworkImpl::candidate_biases(int64_t end) {
  if (!bias_K_.defined()) return torch::zeros({end - 1}, device());
  const Tensor own = bias_K_.narrow(0, 1, known_ - 1);
  return end == known_ ? own : torch::cat({own, torch::zeros({end - known_}, device())});
}

}  // namespace lockstep
