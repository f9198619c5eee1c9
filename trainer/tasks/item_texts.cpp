// L words of the longest text, N items, E embedding, W words, H hidden.
#include "trainer/tasks/item_texts.h"

#include "data/text/tokens.h"
#include "data/text/vocabulary.h"
#include "trainer/model/embedding_size.h"
#include "trainer/tasks/input_lines.h"
#include "trainer/tasks/text_vectors.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

constexpr const char* kUnknownWord = "<unk>";

ModelConfig of_one_layer(ModelConfig config) {
  config.num_layers = 1;
  return config;
}

}  // namespace

json describe_item_texts(const std::vector<std::string>& texts) {
  TextRules rules;
  rules.kind = TokenKind::words;
  rules.lowercase = rules.split_punctuation = true;
  std::vector<std::vector<std::string>> tokens;
  VocabularyCounter counter;
  for (const std::string& text : texts) {
    tokens.push_back(tokenize(text, rules));
    for (const std::string& token : tokens.back()) counter.add(token);
  }
  const Vocabulary words(counter.most_frequent({kUnknownWord}, 0), kUnknownWord);
  json numbers = json::array();
  for (const std::vector<std::string>& text : tokens) {
    json of_text = json::array();
    for (const std::string& token : text) of_text.push_back(words.find(token));
    numbers.push_back(std::move(of_text));
  }
  return {{"words", words.tokens()}, {"texts", std::move(numbers)}};
}

ItemTextReaderImpl::ItemTextReaderImpl(const json& description, const ModelConfig& config,
                                       int first_site)
    : config_(config),
      first_site_(first_site),
      texts_(description.at("texts").get<std::vector<std::vector<int64_t>>>()) {
  const int64_t embedding = embedding_size_of(config);
  const auto words = static_cast<int64_t>(description.at("words").size());
  embedding_WE_ = register_parameter("word_embedding_weight",
                                     torch::empty({words, embedding}).uniform_(-0.1, 0.1));
  embedding_WE_.data()[0].zero_();
  for (std::vector<int64_t>& text : texts_) {
    if (text.empty()) text.push_back(0);
  }
  lstm_ = register_module("lstm", LstmStack(embedding, of_one_layer(config)));
}

Tensor ItemTextReaderImpl::forward(const Tensor& items_N, const DropoutKey& key) {
  const Tensor host_N = items_N.cpu();
  const std::vector<int64_t> items(host_N.const_data_ptr<int64_t>(),
                                   host_N.const_data_ptr<int64_t>() + host_N.numel());
  Lengths lengths;
  for (const int64_t item : items) {
    lengths.push_back(static_cast<int64_t>(texts_.at(static_cast<size_t>(item)).size()));
  }
  std::vector<Tensor> chunks;
  std::vector<int64_t> order;
  for (const std::vector<int64_t>& places : chunks_of_like_length(lengths)) {
    std::vector<int64_t> together;
    together.reserve(places.size());
    for (const int64_t place : places) together.push_back(items[static_cast<size_t>(place)]);
    chunks.push_back(read_together(together, key));
    order.insert(order.end(), places.begin(), places.end());
  }
  const Tensor places_N = torch::tensor(order, torch::kInt64).argsort().to(items_N.device());
  return torch::cat(chunks).index_select(0, places_N);
}

Tensor ItemTextReaderImpl::read_together(const std::vector<int64_t>& items, const DropoutKey& key) {
  std::vector<const TextSymbolNumbers*> texts;
  texts.reserve(items.size());
  for (const int64_t item : items) texts.push_back(&texts_[static_cast<size_t>(item)]);
  const DeviceBatch batch = batch_of_symbols(texts, embedding_WE_.device());
  DropoutKey of_items = key;
  of_items.sample_ids = &items;
  Tensor x_LNE = torch::embedding(embedding_WE_, batch.inputs.clamp_min(0));
  x_LNE = dropout(x_LNE, config_.dropout, of_items, first_site_);
  x_LNE = drop_steps(x_LNE, config_.symbol_dropout, of_items, first_site_ + 1);
  const Tensor y_LNH = lstm_->forward(x_LNE, batch.lengths, of_items, first_site_ + 2);
  return pool_over_time(y_LNH, batch.lengths, "max", config_.bidirectional);
}

}  // namespace lockstep
