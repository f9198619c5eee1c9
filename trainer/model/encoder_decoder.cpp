// T time of the source, B sources, U time of the texts, N texts, E embedding, H hidden, M size of
// the encoder's outputs, V symbols.
#include "trainer/model/encoder_decoder.h"

#include <cmath>

#include "data/batch.h"
#include "trainer/model/embedding_size.h"
#include "trainer/model/label_smoothing.h"
#include "trainer/model/linear_cross_entropy.h"

namespace lockstep {

using torch::Tensor;

namespace {

constexpr int kSourceSite = 0, kTargetSite = 1, kSecondSite = 2, kWordSite = 3, kEncoderSites = 4;
constexpr int kFirstDecoderSites = 100, kSecondDecoderSites = 101;

Tensor uniform_parameter(at::IntArrayRef shape, double bound) {
  return torch::empty(shape).uniform_(-bound, bound);
}

ModelConfig one_layer(ModelConfig config) {
  config.num_layers = 1;
  config.bidirectional = false;
  return config;
}

LstmState rows_of(const LstmState& state, const Tensor& rows) {
  const auto of = [&](const Tensor& all) {
    return all.defined() ? all.index_select(0, rows) : Tensor();
  };
  return {of(state.h_BH), of(state.c_BH)};
}

Tensor run_layer(LstmStack& layer, const Tensor& x_UNF, LstmState& state, const DropoutKey& key,
                 int site) {
  std::vector<LstmState> states = {state};
  const Tensor y_UNH = layer->forward(x_UNF, {}, key, site, &states);
  state = states.front();
  return y_UNH;
}

}  // namespace

DecoderState DecoderState::select(const Tensor& texts) const {
  return {rows_of(first, texts), rows_of(second, texts)};
}

EncoderDecoderImpl::EncoderDecoderImpl(const EncoderDecoderSizes& sizes, const ModelConfig& config)
    : config_(config), embedding_size_(embedding_size_of(config)) {
  constexpr double kEmbeddingBound = 0.1;
  const int64_t hidden = config.hidden_size;
  if (sizes.source_symbols > 0) {
    source_VE_ = register_parameter(
        "source_embedding_weight",
        uniform_parameter({sizes.source_symbols, embedding_size_}, kEmbeddingBound));
  }
  target_VE_ = register_parameter(
      "target_embedding_weight",
      uniform_parameter({sizes.target_symbols, embedding_size_}, kEmbeddingBound));
  encoder_ = register_module(
      "encoder", LstmStack(sizes.source_symbols > 0 ? embedding_size_ : sizes.features, config));
  const int64_t memory = encoder_->output_size();
  const double bridge_bound = 1 / std::sqrt(static_cast<double>(memory));
  bridge_2HM_ =
      register_parameter("bridge_weight", uniform_parameter({2 * hidden, memory}, bridge_bound));
  bridge_2H_ = register_parameter("bridge_bias", uniform_parameter({2 * hidden}, bridge_bound));
  first_ = register_module("decoder_first", LstmStack(embedding_size_, one_layer(config)));
  attention_ = register_module("attention", Attention(config.attention, hidden, memory));
  second_ = register_module("decoder_second", LstmStack(hidden + memory, one_layer(config)));
  const double skip_bound = 1 / std::sqrt(static_cast<double>(hidden + memory));
  skip_HX_ =
      register_parameter("skip_weight", uniform_parameter({hidden, hidden + memory}, skip_bound));
  if (!config.tied) {
    output_VH_ = register_parameter(
        "output_weight", uniform_parameter({sizes.target_symbols, hidden}, kEmbeddingBound));
  }
  bias_V_ = register_parameter("output_bias", torch::zeros({sizes.target_symbols}));
}

Tensor EncoderDecoderImpl::embed(const Tensor& symbols, const Tensor& embedding_VE,
                                 const DropoutKey& key, int site) const {
  return dropout(torch::embedding(embedding_VE, symbols.clamp_min(0)), config_.dropout, key, site);
}

Encoded EncoderDecoderImpl::encode(const Tensor& inputs, const Lengths& lengths,
                                   const DropoutKey& key) {
  const Tensor x_TBE = source_VE_.defined() ? embed(inputs, source_VE_, key, kSourceSite) : inputs;
  const Tensor y_TBM = encoder_->forward(x_TBE, lengths, key, kEncoderSites);
  const Tensor last_BM = pool_over_time(y_TBM, lengths, "last", config_.bidirectional);
  const Tensor begin_B2H = torch::addmm(bridge_2H_, last_BM, bridge_2HM_.t()).tanh();
  const auto state = [&](int64_t half) {
    const Tensor h_BH = begin_B2H.chunk(2, 1)[static_cast<size_t>(half)];
    return LstmState{h_BH, torch::zeros_like(h_BH)};
  };
  return {attention_->prepare(y_TBM, lengths), {state(0), state(1)}};
}

Tensor EncoderDecoderImpl::decode(const Tensor& previous_UN, const AttentionMemory& memory,
                                  DecoderState& state, const DropoutKey& key, Tensor* weights_NUT) {
  const Tensor x_UNE = embed(previous_UN, target_VE_, key, kTargetSite);
  const Tensor query_UNH = run_layer(first_, x_UNE, state.first, key, kFirstDecoderSites);
  const int64_t time = query_UNH.size(0), texts = query_UNH.size(1), sources = memory.size();
  const int64_t each = texts / sources;
  const AttentionOutput output =
      attention_->forward(query_UNH.view({time, sources, each, -1})
                              .transpose(0, 1)
                              .reshape({sources, time * each, config_.hidden_size}),
                          memory);
  if (weights_NUT != nullptr) *weights_NUT = output.weights_BQT;
  const Tensor context_UNM =
      output.context_BQM.view({sources, time, each, -1}).transpose(0, 1).reshape({time, texts, -1});
  const Tensor both =
      dropout(torch::cat({query_UNH, context_UNM}, 2), config_.dropout, key, kSecondSite);
  const Tensor y_UNH = run_layer(second_, both, state.second, key, kSecondDecoderSites) +
                       torch::matmul(both, skip_HX_.t());
  return dropout(y_UNH, config_.dropout, key, kWordSite);
}

/// The output layer is the most expensive one: it does without the padding.
Tensor EncoderDecoderImpl::loss(const Tensor& hidden_NH, const Tensor& targets_N,
                                const DropoutKey& key) const {
  const Tensor real = targets_N.ne(kPaddingSymbol).nonzero().squeeze(1);
  return linear_cross_entropy(hidden_NH.index_select(0, real),
                              config_.tied ? target_VE_ : output_VH_, bias_V_,
                              targets_N.index_select(0, real), output_options(config_, key));
}

Tensor EncoderDecoderImpl::logits(const Tensor& hidden_NH) const {
  return torch::addmm(bias_V_, hidden_NH, (config_.tied ? target_VE_ : output_VH_).t());
}

}  // namespace lockstep
