// The network behind the task like_prediction.
//
// T time, B batch, V items, D an item's vector, F features, H hidden.
#pragma once

#include "trainer/model/libtorch.h"

#include <cstdint>
#include <nlohmann/json.hpp>

#include "trainer/model/lstm_stack.h"
#include "trainer/model/model_config.h"
#include "trainer/tasks/item_texts.h"

namespace lockstep {

/// What like_prediction.h says of it. Parameters are named text.*, item_embedding_weight,
/// history.*, match.*, joined.* and score.*.
class LikeNetworkImpl : public torch::nn::Module {
 public:
  /// `description` is the task's.
  LikeNetworkImpl(const nlohmann::json& description, const ModelConfig& config);

  /// Vectors of items [...], [..., D]; each different one is made once.
  torch::Tensor vectors(const torch::Tensor& items, const DropoutKey& key);

  /// What is known of the user before each step, [T, B, H].
  torch::Tensor before(const torch::Tensor& vectors_TBD, const torch::Tensor& liked_TB,
                       const Lengths& lengths, const DropoutKey& key);

  /// Log odds of liking, [T, B].
  torch::Tensor log_odds(const torch::Tensor& before_TBH, const torch::Tensor& vectors_TBD,
                         const torch::Tensor& features_TBF, const DropoutKey& key);

 private:
  ModelConfig config_;
  int64_t known_items_;
  int64_t features_;
  ItemTextReader text_{nullptr};
  torch::Tensor item_VE_;
  LstmStack history_{nullptr};
  torch::nn::Linear match_{nullptr}, joined_{nullptr}, score_{nullptr};
};
TORCH_MODULE(LikeNetwork);

}  // namespace lockstep
