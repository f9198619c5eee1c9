// The network behind the task next_item.
//
// T time, B batch, E embedding, V items, K those that training knows, C candidates (all items but
// the unknown one), U different items, H hidden, N any number of them.
#pragma once

#include "trainer/model/libtorch.h"

#include <cstdint>
#include <nlohmann/json.hpp>

#include "trainer/model/lstm_stack.h"
#include "trainer/model/model_config.h"
#include "trainer/tasks/item_texts.h"

namespace lockstep {

/// An item's vector is its row of the embedding, and with `item_text` what an LSTM reads of its
/// text beside it, through a matrix. Items from number `known` on have no row: they can be read and
/// ranked where texts are.
///
/// Parameters are named embedding_weight (`item_ids`), text.*, text_matrix.*, lstm.*, and
/// output_weight (not tied), output_bias (no cosines) and projection.* (tied, cells and embedding
/// of different sizes).
class NextItemNetworkImpl : public torch::nn::Module {
 public:
  /// `texts` as describe_item_texts() gives them; only `item_text` reads them.
  NextItemNetworkImpl(int64_t vocabulary, int64_t known, const nlohmann::json& texts,
                      const ModelConfig& config);

  /// Items below this number can be read and ranked.
  int64_t readable() const { return readable_; }
  int64_t embedding_size() const { return embedding_size_; }

  /// Vectors of all readable items, [V, E].
  torch::Tensor vectors(const DropoutKey& key);
  /// The same for a step that reads `items` [...] and ranks all that training knows: the texts of
  /// the others are left out. Those of the known ones are all read in every step, as all of them
  /// have a share in the loss.
  torch::Tensor vectors_to_learn(const torch::Tensor& items, const DropoutKey& key);
  /// Vectors of readable items [N], [N, E]: a step with few of them touches few rows of the
  /// embedding, whose gradient is kept by rows too, and reads each different text once.
  torch::Tensor vectors_of(const torch::Tensor& items_N, const DropoutKey& key);

  /// Items [T, B] by their vectors [T, B, E] -> [T * B, H].
  torch::Tensor states(const torch::Tensor& x_TBE, const Lengths& lengths, const DropoutKey& key);

  /// What is multiplied with the items' rows, from states [N, H].
  torch::Tensor queries(const torch::Tensor& states_NH);
  /// Rows [N, E] as they are multiplied.
  torch::Tensor keys(const torch::Tensor& rows_NE);
  /// Rows of items 1 to `end` as they are multiplied, [C, E], and their biases [C].
  torch::Tensor candidates(const torch::Tensor& vectors_VE, int64_t end);
  torch::Tensor candidate_biases(int64_t end);

 private:
  /// What the texts of different items [U] add to their vectors, [U, E].
  torch::Tensor text_vectors(const torch::Tensor& items_U, const DropoutKey& key);
  torch::Tensor id_vectors();
  torch::Device device() const { return parameters()[0].device(); }

  ModelConfig config_;
  int64_t known_, readable_;
  int64_t embedding_size_;
  ItemTextReader text_{nullptr};
  torch::nn::Linear text_matrix_{nullptr};
  torch::Tensor embedding_KE_, output_KH_, bias_K_;
  LstmStack lstm_;
  torch::nn::Linear projection_{nullptr};
};
TORCH_MODULE(NextItemNetwork);

}  // namespace lockstep
