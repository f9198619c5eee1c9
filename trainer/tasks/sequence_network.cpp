// T time, B batch, F features, H hidden, V vocabulary.
#include "trainer/tasks/sequence_network.h"

#include "data/base/error.h"
#include "trainer/model/embedding_size.h"
#include "trainer/model/stripe_masks.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

constexpr int kHeadSite = 0, kLayerSites = 1;
constexpr int kMaskSite = 1000, kStrandSite = 1001, kSymbolSite = 1002, kSitesOfNetwork = 2000;

int64_t vocabulary_of(const json& inputs) {
  return inputs.contains("inputs") ? inputs["inputs"].at("vocabulary").get<int64_t>() : 0;
}

/// Numbers of a step before its neighbours are joined to it.
int64_t features_of(const json& inputs, const ModelConfig& config) {
  if (!inputs.contains("inputs")) return config.join_steps * inputs.at("features").get<int64_t>();
  return embedding_size_of(config);
}

/// Each step behind the `context` steps before it and before as many that follow; zeros where the
/// sequence has none.
Tensor with_context(const Tensor& x_TBF, const Lengths& lengths, int64_t context) {
  if (context == 0) return x_TBF;
  const int64_t time = x_TBF.size(0);
  const Tensor outside = torch::zeros({context, x_TBF.size(1), x_TBF.size(2)}, x_TBF.options());
  const Tensor real_TBF = x_TBF * real_steps(lengths, x_TBF);
  const Tensor padded = torch::cat({outside, real_TBF, outside});
  std::vector<Tensor> neighbours;
  for (int64_t i = 0; i <= 2 * context; ++i) neighbours.push_back(padded.narrow(0, i, time));
  return torch::cat(neighbours, 2);
}

bool has_strands(const json& inputs) {
  return inputs.contains("inputs") && inputs["inputs"].contains("complement");
}

}  // namespace

Tensor reversed_samples(const ModelConfig& config, const json& inputs, const DropoutKey& key) {
  if (!config.reverse_complement || !key.training || !has_strands(inputs)) return {};
  return coin_of_samples(key, kStrandSite);
}

SequenceNetworkImpl::SequenceNetworkImpl(const json& inputs, int64_t outputs,
                                         const ModelConfig& config, int number)
    : config_(config),
      number_(number),
      vocabulary_(vocabulary_of(inputs)),
      features_(features_of(inputs, config)),
      lstm_((2 * config.context + 1) * features_, config),
      output_(lstm_->output_size(), outputs) {
  if (config.reverse_complement && !has_strands(inputs)) {
    throw Error(ExitCode::config, "model.reverse_complement: the data set holds no DNA",
                "`lockstep data import symbols --alphabet dna` makes one that does");
  }
  if (config.join_steps > 1 && vocabulary_ > 0) {
    throw Error(ExitCode::config, "model.join_steps: only dense steps can be joined");
  }
  if (vocabulary_ > 0) {
    const double bound = config.embedding_bound;
    embedding_VF_ = register_parameter(
        "embedding_weight", torch::empty({vocabulary_, features_}).uniform_(-bound, bound));
  }
  if (has_strands(inputs)) {
    complement_V_ = torch::tensor(inputs["inputs"]["complement"].get<std::vector<int64_t>>());
  }
  register_module("lstm", lstm_);
  if (config.pooling == "attention") {
    pooling_ = register_module("pooling", AttentionPooling(config.attention, lstm_->output_size()));
  }
  register_module("output", output_);
}

/// A dropout site that no other network has.
int SequenceNetworkImpl::site(int place) const {
  return number_ * kSitesOfNetwork + place;
}

Tensor SequenceNetworkImpl::embed(const Tensor& symbols_TB, const Lengths& lengths,
                                  const DropoutKey& key) {
  Tensor read_TB = symbols_TB.clamp_min(0);
  if (config_.reverse_complement && key.training) {
    const Tensor coins_B = coin_of_samples(key, kStrandSite).to(read_TB.device());
    const Tensor turned_TB = reverse_sequences(read_TB.unsqueeze(2), lengths).squeeze(2);
    const Tensor complement_V = complement_V_.to(read_TB.device());
    read_TB = torch::where(coins_B.unsqueeze(0), complement_V.index({turned_TB}), read_TB);
  }
  const int input_site = kLayerSites + static_cast<int>(config_.num_layers);
  const Tensor x_TBF =
      dropout(torch::embedding(embedding_VF_, read_TB), config_.dropout, key, site(input_site));
  return drop_steps(x_TBF, config_.symbol_dropout, key, site(kSymbolSite));
}

/// Steps behind a sequence's end are zeros, as wide as the rest of the last joined step needs.
Tensor SequenceNetworkImpl::join_steps(const Tensor& x_TBF, Lengths& lengths) const {
  const int64_t join = config_.join_steps;
  if (join == 1) return x_TBF;
  const int64_t time = x_TBF.size(0), batch = x_TBF.size(1), features = x_TBF.size(2);
  const int64_t joined = (time + join - 1) / join;
  Tensor padded = x_TBF;
  if (joined * join > time) {
    padded =
        torch::cat({x_TBF, torch::zeros({joined * join - time, batch, features}, x_TBF.options())});
  }
  for (int64_t& length : lengths) length = (length + join - 1) / join;
  return padded.view({joined, join, batch, features})
      .transpose(1, 2)
      .reshape({joined, batch, join * features});
}

Tensor SequenceNetworkImpl::read(const Tensor& inputs, Lengths& lengths, const DropoutKey& key,
                                 std::vector<LstmState>* states) {
  Tensor x_TBF;
  if (vocabulary_ > 0) {
    x_TBF = embed(inputs, lengths, key);
  } else {
    x_TBF = join_steps(mask_stripes(inputs, lengths, config_, key, site(kMaskSite)), lengths);
  }
  return lstm_->forward(with_context(x_TBF, lengths, config_.context), lengths, key,
                        site(kLayerSites), states);
}

Tensor SequenceNetworkImpl::pool(const Tensor& y_TBH, const Lengths& lengths) const {
  if (!pooling_.is_empty()) return pooling_->forward(y_TBH, lengths);
  return pool_over_time(y_TBH, lengths, config_.pooling, config_.bidirectional);
}

Tensor SequenceNetworkImpl::of_sequences(const Tensor& inputs, Lengths lengths,
                                         const DropoutKey& key) {
  const Tensor y_TBH = read(inputs, lengths, key);
  return output_->forward(dropout(pool(y_TBH, lengths), config_.dropout, key, site(kHeadSite)));
}

Tensor SequenceNetworkImpl::of_steps(const Tensor& inputs, Lengths& lengths, const DropoutKey& key,
                                     std::vector<LstmState>* states) {
  const Tensor y_TBH = read(inputs, lengths, key, states);
  return output_->forward(dropout(y_TBH, config_.dropout, key, site(kHeadSite)));
}

std::string SequenceNetworkImpl::summary() const {
  const std::string embedding =
      vocabulary_ > 0 ? fmt::format("embedding {} -> {}, ", vocabulary_, features_) : "";
  return fmt::format("{}{}{} x lstm {} -> {}", embedding,
                     config_.bidirectional ? "bidirectional " : "", config_.num_layers, features_,
                     config_.hidden_size);
}

}  // namespace lockstep
