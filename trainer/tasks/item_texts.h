// What items say of themselves, read by an LSTM.
#pragma once

#include "trainer/model/libtorch.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "trainer/model/dropout.h"
#include "trainer/model/lstm_stack.h"
#include "trainer/model/model_config.h"

namespace lockstep {

/// {"words": [...], "texts": [[numbers of words], ...]} of texts in the order of items. Words are
/// in lower case, punctuation stands for itself; number 0 is for words that no text has.
nlohmann::json describe_item_texts(const std::vector<std::string>& texts);

/// A vector for each item: an embedding of words, one LSTM layer, the maximum over the words. Its
/// parameters are named word_embedding_weight and lstm.*.
class ItemTextReaderImpl : public torch::nn::Module {
 public:
  /// Dropout uses the sites from `first_site` on.
  ItemTextReaderImpl(const nlohmann::json& description, const ModelConfig& config, int first_site);

  /// Items are numbers [N], the same at most once; [N, output_size()]. Texts of like length are
  /// read together, as padding costs time outside of the LSTM. An item's dropout masks depend on
  /// its number, not on the batch it is in.
  torch::Tensor forward(const torch::Tensor& items_N, const DropoutKey& key);
  int64_t output_size() const { return lstm_->output_size(); }
  int64_t num_words() const { return embedding_WE_.size(0); }

 private:
  torch::Tensor read_together(const std::vector<int64_t>& items, const DropoutKey& key);

  ModelConfig config_;
  int first_site_;
  std::vector<std::vector<int64_t>> texts_;
  torch::Tensor embedding_WE_;
  LstmStack lstm_{nullptr};
};
TORCH_MODULE(ItemTextReader);

}  // namespace lockstep
