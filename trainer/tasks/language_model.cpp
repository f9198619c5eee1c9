// T time, B batch, E embedding, H hidden, V vocabulary.
#include "trainer/tasks/language_model.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "data/base/error.h"
#include "data/base/json_problem.h"
#include "data/mix.h"
#include "data/text/tokens.h"
#include "trainer/model/adaptive_softmax.h"
#include "trainer/model/label_smoothing.h"
#include "trainer/model/linear_cross_entropy.h"
#include "trainer/model/lstm_stack.h"
#include "trainer/tasks/input_lines.h"
#include "trainer/tasks/text_inputs.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

/// What tied matrices have in common, and what an embedding has by default.
int64_t tied_embedding_size(const ModelConfig& config) {
  if (config.embedding_size > 0) return config.embedding_size;
  return config.tied ? lstm_outputs(config) : config.hidden_size;
}

/// Parameters are named embedding_weight, lstm.*, output_weight and output_bias; tied, there is no
/// output_weight, and an adaptive softmax has softmax.* instead of both.
class LanguageModelImpl : public torch::nn::Module {
 public:
  LanguageModelImpl(int64_t vocabulary, const ModelConfig& config)
      : config_(config), embedding_size_(tied_embedding_size(config)) {
    const auto uniform = [](at::IntArrayRef shape, double bound) {
      return torch::empty(shape).uniform_(-bound, bound);
    };
    embedding_VE_ = register_parameter(
        "embedding_weight", uniform({vocabulary, embedding_size_}, config.embedding_bound));
    lstm_ = register_module("lstm", LstmStack(embedding_size_, config));
    if (!config.softmax_cutoffs.empty()) {
      softmax_ = register_module(
          "softmax", AdaptiveSoftmax(lstm_->output_size(), vocabulary, config.softmax_cutoffs));
      return;
    }
    if (!config.tied) {
      constexpr double kOutputBound = 0.1;  // as Zaremba et al. 2014
      output_VH_ = register_parameter("output_weight",
                                      uniform({vocabulary, lstm_->output_size()}, kOutputBound));
    }
    bias_V_ = register_parameter("output_bias", torch::zeros({vocabulary}));
  }

  /// [T, B] tokens -> what the output layer gets, [T * B, H].
  Tensor hidden(const Tensor& tokens_TB, const DropoutKey& key, std::vector<LstmState>& states) {
    constexpr int kInputSite = 0, kOutputSite = 1, kLstmSites = 2;
    const Tensor x_TBE = torch::embedding(embedding_VE_, tokens_TB.clamp_min(0));
    const Tensor y_TBH = lstm_->forward(dropout(x_TBE, config_.dropout, key, kInputSite), {}, key,
                                        kLstmSites, &states);
    const Tensor dropped = dropout(y_TBH, config_.dropout, key, kOutputSite);
    return dropped.reshape({-1, lstm_->output_size()});
  }

  /// [N, H] -> [N, V].
  Tensor logits(const Tensor& hidden_NH) {
    if (!softmax_.is_empty()) return softmax_->log_probabilities(hidden_NH);
    return torch::addmm(bias_V_, hidden_NH, output_weight().t());
  }
  /// Sum of the cross-entropies.
  Tensor loss(const Tensor& hidden_NH, const Tensor& targets_N, const DropoutKey& key) {
    const LinearCrossEntropyOptions options = output_options(config_, key);
    if (!softmax_.is_empty()) return softmax_->loss(hidden_NH, targets_N, options.bfloat16);
    return linear_cross_entropy(hidden_NH, output_weight(), bias_V_, targets_N, options);
  }

  int64_t embedding_size() const { return embedding_size_; }

 private:
  const Tensor& output_weight() const { return config_.tied ? embedding_VE_ : output_VH_; }

  ModelConfig config_;
  int64_t embedding_size_;
  Tensor embedding_VE_, output_VH_, bias_V_;
  LstmStack lstm_{nullptr};
  AdaptiveSoftmax softmax_{nullptr};  ///< none unless model.softmax_cutoffs says so
};
TORCH_MODULE(LanguageModel);

/// What to draw from the model, from one line of JSON.
struct SampleRequest {
  int64_t length = 100;
  double temperature = 1;
  int64_t top_k = 0;
  int64_t seed = 1;
};

/// What a line asks for: how likely its text is, or what follows it.
struct LineRequest {
  std::vector<int64_t> symbols;         ///< behind an end-of-line token
  std::optional<SampleRequest> sample;  ///< none: the text's score
};

class LanguageModelTask : public Task {
 public:
  LanguageModelTask(const ModelConfig& config, json description)
      : config_(config),
        description_(std::move(description)),
        vocabulary_size_(description_.at("vocabulary")),
        model_(vocabulary_size_, config) {}

  torch::nn::Module& model() override { return *model_; }
  json description() const override { return description_; }
  std::string summary() const override {
    const char* output = !config_.softmax_cutoffs.empty() ? "adaptive softmax"
                         : config_.tied                   ? "tied"
                                                          : "linear";
    return fmt::format("embedding {} -> {}, {} x lstm {}, {} -> {} tokens", vocabulary_size_,
                       model_->embedding_size(), config_.num_layers, config_.hidden_size, output,
                       vocabulary_size_);
  }

  std::vector<std::string> sum_names() const override { return {"loss", "targets"}; }
  Metrics metrics(const std::vector<double>& sums) const override {
    const double loss = sums[0] / (sums[1] > 0 ? sums[1] : NAN);
    if (description_.at("tokens") == "characters") {
      return {{"loss", loss}, {"bits_per_character", loss / std::numbers::ln2}};
    }
    return {{"loss", loss}, {"perplexity", std::exp(loss)}};
  }

  TaskOutput compute(const DeviceBatch& batch, const DropoutKey& key) override;
  std::vector<std::string> row_sparse_parameters() const override {
    if (config_.tied) return {};  // the output layer touches all rows
    return {"embedding_weight"};
  }
  std::map<std::string, RowLabels> row_labels() const override;
  std::vector<json> predict(const DeviceBatch&) override {
    throw Error(
        ExitCode::usage, "language models answer JSON lines, not splits",
        "give lines with --input, each {\"text\": ...} or {\"prompt\": ..., \"length\": 100}");
  }

  bool reads_streams() const override { return true; }
  bool answers_lines() const override { return true; }
  std::vector<Tensor> carried() const override { return carried_; }
  void set_carried(std::vector<Tensor> carried) override { carried_ = std::move(carried); }
  std::vector<LineAnswer> answer(const std::vector<json>& lines) override;

 private:
  std::vector<LstmState> states_of(const DeviceBatch& batch);
  void keep_states(const DeviceBatch& batch, const std::vector<LstmState>& states);
  std::vector<int64_t> symbols_of(const std::string& text);
  LineRequest read_request(const json& line);
  std::vector<json> answer_requests(const std::vector<LineRequest>& requests);
  std::vector<json> score(const std::vector<std::vector<int64_t>>& texts);
  json sample(const std::vector<int64_t>& prompt, const SampleRequest& request);
  int64_t draw(const Tensor& logits_V, const SampleRequest& request, int64_t position) const;

  ModelConfig config_;
  json description_;
  int64_t vocabulary_size_;
  LanguageModel model_;
  TextInputs text_{description_};
  std::vector<Tensor> carried_;  ///< h and c of each layer, [columns, H]
};

std::map<std::string, RowLabels> LanguageModelTask::row_labels() const {
  const std::vector<std::string> labels = labels_of_symbols(description_);
  std::map<std::string, RowLabels> all;
  for (const char* name : {"embedding_weight", "output_weight", "output_bias"}) {
    all[name] = {labels};
  }
  // Clusters are cut by frequency: another vocabulary has others.
  for (const auto& item : model_->named_parameters()) {
    if (item.key().rfind("softmax.", 0) == 0) all[item.key()] = {labels, /*by_label=*/false};
  }
  return all;
}

/// The part of the carried states that belongs to these columns.
std::vector<LstmState> LanguageModelTask::states_of(const DeviceBatch& batch) {
  std::vector<LstmState> states(static_cast<size_t>(config_.num_layers));
  if (!batch.continues) return states;
  LOCKSTEP_CHECK(carried_.size() == 2 * states.size(), "{} carried states", carried_.size());
  for (size_t layer = 0; layer < states.size(); ++layer) {
    // Copies: the graph keeps them, and the carried states change before it runs backward.
    const auto part = [&](const Tensor& all) {
      return all.narrow(0, batch.first_column, batch.size()).clone();
    };
    states[layer] = {part(carried_[2 * layer]), part(carried_[2 * layer + 1])};
  }
  return states;
}

void LanguageModelTask::keep_states(const DeviceBatch& batch,
                                    const std::vector<LstmState>& states) {
  torch::NoGradGuard no_grad;
  const bool fits = carried_.size() == 2 * states.size() && carried_[0].size(0) == batch.columns;
  if (!fits) {
    carried_.clear();
    for (const LstmState& state : states) {
      for (const Tensor& part : {state.h_BH, state.c_BH}) {
        carried_.push_back(torch::zeros({batch.columns, part.size(1)}, part.options()));
      }
    }
  }
  for (size_t layer = 0; layer < states.size(); ++layer) {
    carried_[2 * layer].narrow(0, batch.first_column, batch.size()).copy_(states[layer].h_BH);
    carried_[2 * layer + 1].narrow(0, batch.first_column, batch.size()).copy_(states[layer].c_BH);
  }
}

TaskOutput LanguageModelTask::compute(const DeviceBatch& batch, const DropoutKey& key) {
  std::vector<LstmState> states = states_of(batch);
  const Tensor hidden_NH = model_->hidden(batch.inputs, key, states);
  keep_states(batch, states);
  const Tensor targets_N = batch.target("targets").reshape(-1);
  const Tensor loss_sum = model_->loss(hidden_NH, targets_N, key);
  torch::NoGradGuard no_grad;
  const Tensor count = targets_N.ne(kPaddingSymbol).sum().to(torch::kFloat32);
  return {loss_sum, torch::stack({loss_sum.detach(), count})};
}

std::vector<int64_t> LanguageModelTask::symbols_of(const std::string& text) {
  // The text begins like a line: behind an end-of-line token.
  const auto& labels = description_.at("labels");
  const auto end = std::find(labels.begin(), labels.end(), description_.at("end"));
  std::vector<int64_t> symbols = text_.symbols_of(text);
  symbols.insert(symbols.begin(), end - labels.begin());
  return symbols;
}

std::vector<LineAnswer> LanguageModelTask::answer(const std::vector<json>& lines) {
  return answer_together(
      lines, [this](const json& line) { return read_request(line); },
      [this](const std::vector<LineRequest>& requests) { return answer_requests(requests); });
}

LineRequest LanguageModelTask::read_request(const json& line) {
  if (line.contains("text")) return {symbols_of(text_member(line, "text")), {}};
  if (!line.contains("prompt")) {
    throw Error(ExitCode::corrupt,
                "neither \"text\" (to score) nor \"prompt\" (to continue) is there");
  }
  for (const char* name : {"length", "temperature", "top_k", "seed"}) {
    if (!line.contains(name) || line.at(name).is_number()) continue;
    throw Error(ExitCode::corrupt, fmt::format("\"{}\" must be a number", name));
  }
  SampleRequest request;
  request.length = line.value("length", request.length);
  request.temperature = line.value("temperature", request.temperature);
  request.top_k = line.value("top_k", request.top_k);
  request.seed = line.value("seed", request.seed);
  if (request.length < 1 || request.length > 1'000'000 || !(request.temperature >= 0) ||
      request.top_k < 0) {
    throw Error(ExitCode::corrupt,
                "\"length\" must be 1 to 1000000, \"temperature\" and \"top_k\" at least 0");
  }
  return {symbols_of(text_member(line, "prompt")), request};
}

/// Texts are scored together; what follows a prompt is drawn for each by itself.
std::vector<json> LanguageModelTask::answer_requests(const std::vector<LineRequest>& requests) {
  torch::NoGradGuard no_grad;
  std::vector<std::vector<int64_t>> texts;
  for (const LineRequest& request : requests) {
    if (!request.sample) texts.push_back(request.symbols);
  }
  const std::vector<json> scores = score(texts);
  std::vector<json> answers;
  auto next_score = scores.begin();
  for (const LineRequest& request : requests) {
    answers.push_back(request.sample ? sample(request.symbols, *request.sample) : *next_score++);
  }
  return answers;
}

/// Each text is followed by the token it begins behind, so that its end counts too. What padding
/// becomes is not looked at.
std::vector<json> LanguageModelTask::score(const std::vector<std::vector<int64_t>>& texts) {
  if (texts.empty()) return {};
  const torch::Device device = model_->parameters()[0].device();
  const DeviceBatch batch = batch_of_symbols(texts, device);
  std::vector<LstmState> states(static_cast<size_t>(config_.num_layers));
  const Tensor hidden_TBH =
      model_->hidden(batch.inputs, {}, states).view({batch.inputs.size(0), batch.size(), -1});
  std::vector<json> answers;
  for (size_t b = 0; b < texts.size(); ++b) {
    std::vector<int64_t> targets(texts[b].begin() + 1, texts[b].end());
    targets.push_back(texts[b].front());
    const Tensor own_NH =
        hidden_TBH.select(1, static_cast<int64_t>(b)).narrow(0, 0, batch.lengths[b]).contiguous();
    const double loss = model_->loss(own_NH, torch::tensor(targets).to(device), {}).item<double>();
    const double mean = loss / static_cast<double>(targets.size());
    answers.push_back({{"tokens", targets.size()}, {"loss", loss}, {"perplexity", std::exp(mean)}});
  }
  return answers;
}

json LanguageModelTask::sample(const std::vector<int64_t>& prompt, const SampleRequest& request) {
  const json& labels = description_.at("labels");
  std::vector<LstmState> states(static_cast<size_t>(config_.num_layers));
  Tensor input = torch::tensor(prompt).unsqueeze(1);
  std::vector<std::string> drawn;
  for (int64_t i = 0; i < request.length; ++i) {
    const Tensor hidden = model_->hidden(input, {}, states);
    const Tensor last = hidden.narrow(0, hidden.size(0) - 1, 1);
    const int64_t symbol = draw(model_->logits(last)[0].cpu(), request, i);
    const std::string token = labels[static_cast<size_t>(symbol)];
    drawn.push_back(token == description_.at("end") ? "\n" : token);
    input = torch::full({1, 1}, symbol, torch::kInt64);
  }
  return {{"text", join_tokens(drawn, token_kind_of(description_.at("tokens")))}};
}

/// Temperature 0 takes the most likely token.
int64_t LanguageModelTask::draw(const Tensor& logits_V, const SampleRequest& request,
                                int64_t position) const {
  if (request.temperature == 0) return logits_V.argmax().item<int64_t>();
  Tensor scaled = logits_V / request.temperature;
  if (request.top_k > 0 && request.top_k < vocabulary_size_) {
    const Tensor least = std::get<0>(scaled.topk(request.top_k))[request.top_k - 1];
    scaled = scaled.masked_fill(scaled < least, -INFINITY);
  }
  const Tensor sums = scaled.softmax(0).to(torch::kFloat64).cumsum(0);
  Random random(mix64(static_cast<uint64_t>(request.seed), static_cast<uint64_t>(position)));
  const double point = random.uniform() * sums[vocabulary_size_ - 1].item<double>();
  const double* first = sums.const_data_ptr<double>();
  const auto index = std::upper_bound(first, first + vocabulary_size_, point) - first;
  return std::min<int64_t>(index, vocabulary_size_ - 1);
}

json describe_text(const Manifest& manifest) {
  const StreamSchema& inputs = manifest.streams.front();
  if (!inputs.is_symbols() || !manifest.text) {
    throw Error(ExitCode::config, "task language_model needs text; this data set has none",
                "make one with `lockstep data import lines`");
  }
  if (manifest.text->end.empty()) {
    throw Error(ExitCode::config,
                "task language_model needs text whose lines end with a token; this data set was "
                "imported for another task",
                "make one with `lockstep data import lines`");
  }
  return describe_symbols(manifest, inputs);
}

std::unique_ptr<Task> make_language_model(const ModelConfig& config, const json& description) {
  if (config.bidirectional) {
    throw Error(ExitCode::config,
                "model.bidirectional: a language model must not see what follows");
  }
  if (config.tied && tied_embedding_size(config) != lstm_outputs(config)) {
    throw Error(ExitCode::config,
                fmt::format("model.tied needs an embedding_size of {}, {}, not {}",
                            config.projection_size > 0 ? "projection_size" : "hidden_size",
                            lstm_outputs(config), config.embedding_size));
  }
  const int64_t vocabulary = description.at("vocabulary");
  if (!config.softmax_cutoffs.empty() && config.softmax_cutoffs.back() >= vocabulary) {
    throw Error(ExitCode::config,
                fmt::format("model.softmax_cutoffs: {} is not below the vocabulary's {} tokens",
                            config.softmax_cutoffs.back(), vocabulary));
  }
  return std::make_unique<LanguageModelTask>(config, description);
}

}  // namespace

TaskEntry language_model_entry() {
  return {"language_model", &describe_text, &make_language_model};
}

}  // namespace lockstep
