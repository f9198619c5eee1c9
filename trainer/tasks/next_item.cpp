// T time, B batch, E embedding, V items, C candidates (all items but the unknown one), N real
// targets, R rows at a time, S samples.
#include "trainer/tasks/next_item.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "data/base/error.h"
#include "trainer/model/embedding_size.h"
#include "trainer/model/linear_cross_entropy.h"
#include "trainer/model/lstm_stack.h"
#include "trainer/model/sampled_cross_entropy.h"
#include "trainer/model/with_length.h"
#include "trainer/tasks/input_lines.h"
#include "trainer/tasks/item_sampler.h"
#include "trainer/tasks/item_texts.h"
#include "trainer/tasks/ranking_counts.h"
#include "trainer/tasks/text_inputs.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

constexpr const char* kNext = "next";
constexpr const char* kMarkovPlace = "markov_place";
constexpr int kTextSites = 200;

/// An item's vector is its row of the embedding, and with `item_text` what an LSTM reads of its
/// text beside it, through a matrix.
///
/// Parameters are named embedding_weight, text.*, text_matrix.*, lstm.*, and output_weight (not
/// tied), output_bias (no cosines) and projection.* (tied, cells and embedding of different sizes).
class NextItemNetworkImpl : public torch::nn::Module {
 public:
  NextItemNetworkImpl(int64_t vocabulary, const json& texts, const ModelConfig& config)
      : config_(config),
        embedding_size_(embedding_size_of(config)),
        lstm_(embedding_size_, config) {
    const double bound = 1 / std::sqrt(static_cast<double>(embedding_size_));
    embedding_VE_ =
        register_parameter("embedding_weight", torch::empty({vocabulary, embedding_size_}));
    embedding_VE_.data().uniform_(-bound, bound);
    embedding_VE_.data()[0].zero_();  // nothing is known of what training never had
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
      output_VH_ = register_parameter("output_weight",
                                      torch::empty({vocabulary, width}).uniform_(-bound, bound));
    }
    if (config.logit_scale == 0) {
      bias_V_ = register_parameter("output_bias", torch::zeros({vocabulary}));
    }
  }

  /// Vectors of all items, [V, E].
  Tensor vectors(const DropoutKey& key) {
    if (!text_) return embedding_VE_;
    return embedding_VE_ + text_vectors(torch::arange(embedding_VE_.size(0)).to(device()), key);
  }
  /// What the texts of items [N] add to their vectors, [N, E].
  Tensor text_vectors(const Tensor& items_N, const DropoutKey& key) {
    const auto unique = at::_unique2(items_N, /*sorted=*/true, /*return_inverse=*/true);
    const Tensor text_UE = text_matrix_->forward(text_->forward(std::get<0>(unique), key));
    return text_UE.index_select(0, std::get<1>(unique));
  }
  bool reads_texts() { return !text_.is_empty(); }

  /// Items [T, B] by their vectors [T, B, E] -> [T * B, H].
  Tensor states(const Tensor& x_TBE, const Lengths& lengths, const DropoutKey& key) {
    constexpr int kInputSite = 0, kOutputSite = 1, kLstmSites = 2;
    const Tensor y_TBH =
        lstm_->forward(dropout(x_TBE, config_.dropout, key, kInputSite), lengths, key, kLstmSites);
    const Tensor dropped = dropout(y_TBH, config_.dropout, key, kOutputSite);
    return dropped.reshape({-1, lstm_->output_size()});
  }

  /// What is multiplied with the items' rows, from states [N, H].
  Tensor queries(const Tensor& states_NH) {
    const Tensor rows = projection_ ? projection_->forward(states_NH) : states_NH;
    return config_.logit_scale > 0 ? with_length(rows, config_.logit_scale) : rows;
  }

  /// Rows of the candidates as they are multiplied, [C, E], and their biases [C].
  Tensor candidates(const Tensor& vectors_VE) {
    const Tensor& all = config_.tied ? vectors_VE : output_VH_;
    return keys(all.narrow(0, 1, all.size(0) - 1));
  }
  Tensor candidate_biases() {
    const int64_t count = embedding_VE_.size(0) - 1;
    return bias_V_.defined() ? bias_V_.narrow(0, 1, count)
                             : torch::zeros({count}, embedding_VE_.options().requires_grad(false));
  }

  /// Rows of a tied embedding, [N, E], as they are multiplied.
  Tensor keys(const Tensor& rows) { return config_.logit_scale > 0 ? with_length(rows, 1) : rows; }
  /// Rows of the embedding whose gradient is kept by rows too: a step touches few.
  Tensor sparse_rows(const Tensor& items) {
    return torch::embedding(embedding_VE_, items, -1, false, /*sparse=*/true);
  }

  int64_t embedding_size() const { return embedding_size_; }

 private:
  torch::Device device() const { return embedding_VE_.device(); }

  ModelConfig config_;
  int64_t embedding_size_;
  ItemTextReader text_{nullptr};
  torch::nn::Linear text_matrix_{nullptr};
  Tensor embedding_VE_, output_VH_, bias_V_;
  LstmStack lstm_;
  torch::nn::Linear projection_{nullptr};
};
TORCH_MODULE(NextItemNetwork);

class NextItemTask : public Task {
 public:
  NextItemTask(const ModelConfig& config, json description)
      : config_(config),
        description_(std::move(description)),
        vocabulary_(description_.at("items").at("vocabulary")),
        has_markov_(description_.at("markov")),
        network_(vocabulary_, description_.value("texts", json()), config) {}

  torch::nn::Module& model() override { return *network_; }
  json description() const override { return description_; }
  std::string summary() const override;

  std::vector<std::string> sum_names() const override;
  Metrics metrics(const std::vector<double>& sums) const override;
  std::vector<std::string> row_sparse_parameters() const override {
    if (config_.negatives == 0) return {};
    return {"embedding_weight"};
  }

  std::map<std::string, RowLabels> row_labels() const override {
    const RowLabels items = {labels_of_symbols(description_.at("items"))};
    return {{"embedding_weight", items}, {"output_weight", items}, {"output_bias", items}};
  }

  void prepare(const Split& train) override {
    if (config_.negatives > 0) sampler_.emplace(train, kNext, config_.negatives_power);
  }
  TaskOutput compute(const DeviceBatch& batch, const DropoutKey& key) override;
  std::vector<json> predict(const DeviceBatch& batch) override;
  bool answers_lines() const override { return true; }
  json answer(const json& line) override;

 private:
  Tensor states_of(const DeviceBatch& batch, const Tensor& vectors_VE, const DropoutKey& key);
  Tensor full_loss(const DeviceBatch& batch, const DropoutKey& key, const Tensor& known_N);
  Tensor sampled_loss(const DeviceBatch& batch, const DropoutKey& key, const Tensor& known_N);
  Tensor rank(const DeviceBatch& batch, const Tensor& known_N, double& loss);
  Tensor last_scores(const DeviceBatch& batch);
  int64_t number_of(const json& item);
  json best(const Tensor& scores_C, int64_t count) const;
  const json& labels() const { return description_.at("items").at("labels"); }
  std::string label_of(int64_t item) const {
    const auto index = static_cast<size_t>(item);
    return index < labels().size() ? labels()[index].get<std::string>() : std::to_string(item);
  }

  ModelConfig config_;
  json description_;
  int64_t vocabulary_;
  bool has_markov_;
  NextItemNetwork network_;
  std::optional<ItemSampler> sampler_;
  std::unordered_map<std::string, int64_t> numbers_;  ///< of items by name, from the first line on
};

std::string NextItemTask::summary() const {
  const std::string loss =
      config_.negatives > 0 ? fmt::format("{} drawn", config_.negatives) : "all";
  return fmt::format("embedding {} -> {}, {} x lstm {}, {}{} -> {} items, loss over {}",
                     vocabulary_, network_->embedding_size(), config_.num_layers,
                     config_.hidden_size, config_.tied ? "tied" : "linear",
                     config_.logit_scale > 0 ? " cosines" : "", vocabulary_ - 1, loss);
}

std::vector<std::string> NextItemTask::sum_names() const {
  std::vector<std::string> names = {"loss", "targets", "ranked"};
  for (const char* who : {"", "popularity_", "markov_"}) {
    for (int64_t i = 1; i <= config_.cutoff; ++i)
      names.push_back(fmt::format("{}place_{}", who, i));
  }
  return names;
}

/// Training steps rank nothing.
Metrics NextItemTask::metrics(const std::vector<double>& sums) const {
  Metrics metrics = {{"loss", sums[0] / (sums[1] > 0 ? sums[1] : NAN)}};
  const double ranked = sums[2];
  if (ranked == 0) return metrics;
  const double* counts = sums.data() + 3;
  add_ranking_metrics("", counts, config_.cutoff, ranked, metrics);
  add_ranking_metrics("popularity_", counts + config_.cutoff, config_.cutoff, ranked, metrics);
  if (has_markov_) {
    add_ranking_metrics("markov_", counts + 2 * config_.cutoff, config_.cutoff, ranked, metrics);
  }
  return metrics;
}

/// Targets that training lacks (item 0) can neither be learned nor be found: they have no loss and
/// are ranked as missed.
TaskOutput NextItemTask::compute(const DeviceBatch& batch, const DropoutKey& key) {
  const Tensor targets = batch.target(kNext).reshape(-1);
  const Tensor known_N = targets.gt(0).nonzero().squeeze(1);
  const auto count = static_cast<float>(known_N.numel());
  const Tensor none = torch::zeros({3 * config_.cutoff}, torch::kFloat32);
  if (!key.training) {
    double loss = 0;
    const Tensor places_N = rank(batch, known_N, loss);
    const auto ranked = targets.ge(0).sum().item<float>();
    const auto counts = [&](const Tensor& places) {
      return count_places(places, config_.cutoff).cpu();
    };
    const Tensor known = targets.index_select(0, known_N);
    const Tensor markov =
        has_markov_ ? counts(batch.target(kMarkovPlace).reshape(-1).index_select(0, known_N))
                    : none.narrow(0, 0, config_.cutoff);
    const Tensor loss_sum = torch::tensor(static_cast<float>(loss));
    // Items are numbered by falling count.
    return {loss_sum, torch::cat({torch::tensor({static_cast<float>(loss), count, ranked}),
                                  counts(places_N), counts(known), markov})
                          .to(batch.inputs.device())};
  }
  const Tensor loss_sum =
      config_.negatives > 0 ? sampled_loss(batch, key, known_N) : full_loss(batch, key, known_N);
  torch::NoGradGuard no_grad;
  const Tensor head = torch::stack({loss_sum.detach(), torch::full({}, count, loss_sum.options()),
                                    torch::zeros({}, loss_sum.options())});
  return {loss_sum, torch::cat({head, none.to(head.device())})};
}

Tensor NextItemTask::states_of(const DeviceBatch& batch, const Tensor& vectors_VE,
                               const DropoutKey& key) {
  return network_->states(torch::embedding(vectors_VE, batch.inputs.clamp_min(0)), batch.lengths,
                          key);
}

Tensor NextItemTask::full_loss(const DeviceBatch& batch, const DropoutKey& key,
                               const Tensor& known_N) {
  const Tensor vectors_VE = network_->vectors(key);
  const Tensor states = states_of(batch, vectors_VE, key);
  const Tensor targets_N = batch.target(kNext).reshape(-1).index_select(0, known_N) - 1;
  return linear_cross_entropy(network_->queries(states.index_select(0, known_N)),
                              network_->candidates(vectors_VE), network_->candidate_biases(),
                              targets_N, {0, config_.precision == "bfloat16"});
}

/// All rows of the embedding that the step needs are looked up together, so that its gradient is
/// made once.
Tensor NextItemTask::sampled_loss(const DeviceBatch& batch, const DropoutKey& key,
                                  const Tensor& known_N) {
  LOCKSTEP_CHECK(sampler_.has_value(), "prepare() was not called");
  const SampledItems sample =
      sampler_->draw(config_.negatives, key.seed, key.step, batch.inputs.device());
  const Tensor targets_N = batch.target(kNext).reshape(-1).index_select(0, known_N);
  const int64_t steps = batch.inputs.numel(), known = known_N.numel();
  const Tensor items =
      torch::cat({batch.inputs.reshape(-1).clamp_min(0), targets_N, sample.numbers_S});
  Tensor rows = network_->sparse_rows(items);
  if (network_->reads_texts()) rows = rows + network_->text_vectors(items, key);
  const Tensor x_TBE =
      rows.narrow(0, 0, steps).view({batch.inputs.size(0), batch.inputs.size(1), -1});
  const Tensor states = network_->states(x_TBE, batch.lengths, key);
  const Tensor queries_NE = network_->queries(states.index_select(0, known_N));
  const Tensor target_NE = network_->keys(rows.narrow(0, steps, known));
  const Tensor sample_SE = network_->keys(rows.narrow(0, steps + known, config_.negatives));
  return sampled_cross_entropy(queries_NE, sample_SE, (queries_NE * target_NE).sum(1), targets_N,
                               sample);
}

/// Places of the known targets among all items, from 1; equal scores count against the target.
Tensor NextItemTask::rank(const DeviceBatch& batch, const Tensor& known_N, double& loss) {
  constexpr int64_t kScoresAtOnce = int64_t{1} << 22;
  torch::NoGradGuard no_grad;
  const Tensor vectors_VE = network_->vectors({});
  const Tensor states = states_of(batch, vectors_VE, {});
  const Tensor queries_NE = network_->queries(states.index_select(0, known_N));
  const Tensor targets_N = batch.target(kNext).reshape(-1).index_select(0, known_N) - 1;
  const Tensor candidates_CE = network_->candidates(vectors_VE),
               biases_C = network_->candidate_biases();
  const int64_t at_once = std::max<int64_t>(1, kScoresAtOnce / candidates_CE.size(0));
  std::vector<Tensor> places = {torch::zeros({0}, targets_N.options())};
  for (int64_t begin = 0; begin < known_N.numel(); begin += at_once) {
    const int64_t count = std::min(at_once, known_N.numel() - begin);
    const Tensor scores_RC =
        torch::addmm(biases_C, queries_NE.narrow(0, begin, count), candidates_CE.t());
    const Tensor wanted = scores_RC.gather(1, targets_N.narrow(0, begin, count).unsqueeze(1));
    places.push_back(scores_RC.ge(wanted).sum(1));
    loss += (scores_RC.logsumexp(1) - wanted.squeeze(1)).sum(torch::kFloat64).item<double>();
  }
  return torch::cat(places);
}

/// Scores of all candidates after each session, [B, C].
Tensor NextItemTask::last_scores(const DeviceBatch& batch) {
  torch::NoGradGuard no_grad;
  const Tensor vectors_VE = network_->vectors({});
  const Tensor states =
      states_of(batch, vectors_VE, {}).view({batch.inputs.size(0), batch.size(), -1});
  const Tensor last_BH = pool_over_time(states, batch.lengths, "last", false);
  return torch::addmm(network_->candidate_biases(), network_->queries(last_BH),
                      network_->candidates(vectors_VE).t());
}

std::vector<json> NextItemTask::predict(const DeviceBatch& batch) {
  const Tensor scores_BC = last_scores(batch).cpu();
  std::vector<json> answers;
  for (int64_t b = 0; b < batch.size(); ++b) answers.push_back(best(scores_BC[b], config_.cutoff));
  return answers;
}

json NextItemTask::best(const Tensor& scores_C, int64_t count) const {
  const auto [scores, places] = scores_C.topk(std::min(count, scores_C.size(0)));
  json items = json::array(), values = json::array();
  for (int64_t i = 0; i < scores.size(0); ++i) {
    items.push_back(label_of(places[i].item<int64_t>() + 1));
    values.push_back(scores[i].item<float>());
  }
  return {{"items", items}, {"scores", values}};
}

/// 0 for an item that training lacks.
int64_t NextItemTask::number_of(const json& item) {
  if (!item.is_string() && !item.is_number_integer()) {
    throw Error(ExitCode::corrupt, fmt::format("{} is no name of an item", item.dump()));
  }
  if (numbers_.empty()) {
    for (int64_t i = 1; i < vocabulary_; ++i) numbers_.emplace(label_of(i), i);
  }
  const auto found = numbers_.find(item.is_string() ? item.get<std::string>() : item.dump());
  return found == numbers_.end() ? 0 : found->second;
}

json NextItemTask::answer(const json& line) {
  if (!line.contains("items") || !line["items"].is_array() || line["items"].empty()) {
    throw Error(ExitCode::corrupt, "\"items\" must be a list of items, the last one last");
  }
  std::vector<int64_t> items;
  for (const json& item : line["items"]) items.push_back(number_of(item));
  const int64_t top = line.value("top", config_.cutoff);
  if (top < 1) throw Error(ExitCode::corrupt, "\"top\" must be at least 1");
  const DeviceBatch batch = batch_of_symbols(items, network_->parameters()[0].device());
  Tensor scores_C = last_scores(batch)[0].cpu();
  if (!line.contains("candidates")) return best(scores_C, top);
  json unknown = json::array();
  std::vector<int64_t> wanted;
  for (const json& candidate : line["candidates"]) {
    const int64_t number = number_of(candidate);
    if (number == 0) {
      unknown.push_back(candidate);
    } else {
      wanted.push_back(number - 1);
    }
  }
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  const Tensor kept = torch::full_like(scores_C, -INFINITY);
  const Tensor index = torch::tensor(wanted, torch::kInt64);
  kept.index_copy_(0, index, scores_C.index_select(0, index));
  json answer = best(kept, std::min(top, static_cast<int64_t>(wanted.size())));
  if (!unknown.empty()) answer["unknown"] = unknown;
  return answer;
}

json describe_sessions(const Manifest& manifest) {
  const StreamSchema& inputs = manifest.streams.front();
  const auto find = [&](const char* name) {
    return std::find_if(manifest.streams.begin() + 1, manifest.streams.end(),
                        [&](const StreamSchema& stream) { return stream.name == name; });
  };
  const auto next = find(kNext);
  const bool fits = next != manifest.streams.end() && inputs.is_symbols() &&
                    inputs.num_classes == next->num_classes && inputs.num_classes > 1;
  if (!fits) {
    throw Error(ExitCode::config,
                "task next_item needs sessions of items and their target \"next\"; this data set "
                "has none",
                "make one with `lockstep data import events`");
  }
  json description = {{"items", describe_symbols(manifest, inputs)},
                      {"markov", find(kMarkovPlace) != manifest.streams.end()}};
  const auto texts = manifest.symbol_texts.find(inputs.name);
  if (texts != manifest.symbol_texts.end()) {
    description["texts"] = describe_item_texts(texts->second);
  }
  return description;
}

std::unique_ptr<Task> make_next_item(const ModelConfig& config, const json& description) {
  if (config.bidirectional) {
    throw Error(ExitCode::config,
                "model.bidirectional: a model of the next item must not see what follows");
  }
  if (config.item_text && (!config.tied || !description.contains("texts"))) {
    throw Error(ExitCode::config,
                "model.item_text needs model.tied, and a data set with texts of items",
                "import it with --text-column, perhaps with --texts");
  }
  if (config.negatives > 0 && (!config.tied || config.logit_scale == 0)) {
    throw Error(ExitCode::config,
                "model.negatives: a sample of the items needs model.tied and model.logit_scale",
                "set `tied: true` and, for example, `logit_scale: 12`");
  }
  return std::make_unique<NextItemTask>(config, description);
}

}  // namespace

TaskEntry next_item_entry() {
  return {"next_item", &describe_sessions, &make_next_item};
}

}  // namespace lockstep
