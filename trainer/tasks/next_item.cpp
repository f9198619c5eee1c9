// T time, B batch, E embedding, V items, K those that training knows, C candidates (all items but
// the unknown one), N real targets, R rows at a time, S samples.
#include "trainer/tasks/next_item.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "data/base/error.h"
#include "trainer/model/linear_cross_entropy.h"
#include "trainer/model/sampled_cross_entropy.h"
#include "trainer/tasks/input_lines.h"
#include "trainer/tasks/item_names.h"
#include "trainer/tasks/item_sampler.h"
#include "trainer/tasks/item_texts.h"
#include "trainer/tasks/next_item_network.h"
#include "trainer/tasks/ranking_counts.h"
#include "trainer/tasks/text_inputs.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

constexpr const char* kNext = "next";
constexpr const char* kMarkovPlace = "markov_place";

class NextItemTask : public Task {
 public:
  NextItemTask(const ModelConfig& config, json description)
      : config_(config),
        description_(std::move(description)),
        vocabulary_(description_.at("items").at("vocabulary")),
        known_(description_.value("known_items", vocabulary_)),
        has_markov_(description_.at("markov")),
        network_(vocabulary_, known_, description_.value("texts", json()), config) {}

  torch::nn::Module& model() override { return *network_; }
  json description() const override { return description_; }
  std::string summary() const override;

  std::vector<std::string> sum_names() const override;
  Metrics metrics(const std::vector<double>& sums) const override;
  std::vector<std::string> row_sparse_parameters() const override {
    if (config_.negatives == 0 || !config_.item_ids) return {};
    return {"embedding_weight"};
  }

  std::map<std::string, RowLabels> row_labels() const override {
    RowLabels items = {labels_of_symbols(description_.at("items"))};
    if (!items.labels.empty()) items.labels.resize(static_cast<size_t>(known_));
    return {{"embedding_weight", items}, {"output_weight", items}, {"output_bias", items}};
  }

  void prepare(const Split& train) override {
    if (config_.negatives > 0) sampler_.emplace(train, kNext, config_.negatives_power, known_);
  }
  TaskOutput compute(const DeviceBatch& batch, const DropoutKey& key) override;
  void begin_evaluation(const Split&, const SharedWork&) override { keep_vectors(); }
  void end_evaluation() override { kept_vectors_VE_ = Tensor(); }
  std::vector<json> predict(const DeviceBatch& batch) override;
  bool answers_lines() const override { return true; }
  std::vector<LineAnswer> answer(const std::vector<json>& lines) override;

 private:
  /// What a line asks for.
  struct Request {
    std::vector<int64_t> items;
    int64_t top = 0;
    std::optional<std::vector<int64_t>> candidates;  ///< places of known ones, sorted; else all
    json unknown = json::array();
  };
  /// Items of which nothing can be read, and padding, as the unknown one.
  Tensor readable(const Tensor& items) const {
    return items.clamp_min(0) * items.lt(network_->readable());
  }
  Tensor states_of(const DeviceBatch& batch, const Tensor& vectors_VE, const DropoutKey& key);
  Tensor full_loss(const DeviceBatch& batch, const DropoutKey& key, const Tensor& known_N);
  Tensor sampled_loss(const DeviceBatch& batch, const DropoutKey& key, const Tensor& known_N);
  TaskOutput judge(const DeviceBatch& batch, const Tensor& targets);
  Tensor rank(const DeviceBatch& batch, const Tensor& known_N, double& loss);
  void keep_vectors() {
    torch::NoGradGuard no_grad;
    if (config_.item_text) kept_vectors_VE_ = network_->vectors({});
  }
  Tensor held_out_vectors() {
    return kept_vectors_VE_.defined() ? kept_vectors_VE_ : network_->vectors({});
  }
  Tensor last_scores(const DeviceBatch& batch);
  Request read_request(const json& line);
  void read_candidates(const json& candidates, Request& request);
  std::vector<json> answer_requests(const std::vector<Request>& requests);
  json best(const Tensor& scores_C, int64_t count);
  const ItemNames& names();

  ModelConfig config_;
  json description_;
  int64_t vocabulary_;
  int64_t known_;  ///< items from this number on are known by their texts only
  bool has_markov_;
  NextItemNetwork network_;
  std::optional<ItemSampler> sampler_;
  std::optional<ItemNames> names_;  ///< of readable items, from the first prediction on
  Tensor kept_vectors_VE_;          ///< while the weights stay as they are; undefined: not made
};

std::string NextItemTask::summary() const {
  const std::string loss =
      config_.negatives > 0 ? fmt::format("{} drawn", config_.negatives) : "all";
  return fmt::format("embedding {} -> {}, {} x lstm {}, {}{} -> {} items, loss over {}",
                     vocabulary_, network_->embedding_size(), config_.num_layers,
                     config_.hidden_size, config_.tied ? "tied" : "linear",
                     config_.logit_scale > 0 ? " cosines" : "", network_->readable() - 1, loss);
}

std::vector<std::string> NextItemTask::sum_names() const {
  std::vector<std::string> names = {"loss", "targets", "ranked", "text_only_ranked"};
  for (const char* who : {"", "popularity_", "markov_", "text_only_"}) {
    for (int64_t i = 1; i <= config_.cutoff; ++i)
      names.push_back(fmt::format("{}place_{}", who, i));
  }
  return names;
}

/// Training steps rank nothing.
Metrics NextItemTask::metrics(const std::vector<double>& sums) const {
  Metrics metrics = {{"loss", sums[0] / (sums[1] > 0 ? sums[1] : NAN)}};
  const double ranked = sums[2], text_only = sums[3];
  if (ranked == 0) return metrics;
  const double* counts = sums.data() + 4;
  add_ranking_metrics("", counts, config_.cutoff, ranked, metrics);
  add_ranking_metrics("popularity_", counts + config_.cutoff, config_.cutoff, ranked, metrics);
  if (has_markov_) {
    add_ranking_metrics("markov_", counts + 2 * config_.cutoff, config_.cutoff, ranked, metrics);
  }
  if (text_only > 0) {
    add_ranking_metrics("text_only_", counts + 3 * config_.cutoff, config_.cutoff, text_only,
                        metrics);
  }
  return metrics;
}

/// Targets that training lacks (item 0) can neither be learned nor be found: they have no loss and
/// are ranked as missed. Those with a text only are not learned, and found by models that read it.
TaskOutput NextItemTask::compute(const DeviceBatch& batch, const DropoutKey& key) {
  const Tensor targets = batch.target(kNext).reshape(-1);
  if (!key.training) return judge(batch, targets);
  const Tensor known_N = targets.gt(0).logical_and(targets.lt(known_)).nonzero().squeeze(1);
  const Tensor loss_sum =
      config_.negatives > 0 ? sampled_loss(batch, key, known_N) : full_loss(batch, key, known_N);
  torch::NoGradGuard no_grad;
  const auto count = static_cast<float>(known_N.numel());
  const Tensor head = torch::stack({loss_sum.detach(), torch::full({}, count, loss_sum.options())});
  return {loss_sum, torch::cat({head, torch::zeros({2 + 4 * config_.cutoff}, head.options())})};
}

TaskOutput NextItemTask::judge(const DeviceBatch& batch, const Tensor& targets) {
  const Tensor known_N =
      targets.gt(0).logical_and(targets.lt(network_->readable())).nonzero().squeeze(1);
  double loss = 0;
  const Tensor places_N = rank(batch, known_N, loss);
  const auto counts = [&](const Tensor& places) {
    return count_places(places, config_.cutoff).cpu();
  };
  const Tensor known = targets.index_select(0, known_N);
  const Tensor markov =
      has_markov_ ? counts(batch.target(kMarkovPlace).reshape(-1).index_select(0, known_N))
                  : torch::zeros({config_.cutoff});
  const Tensor loss_sum = torch::tensor(static_cast<float>(loss));
  const Tensor head =
      torch::tensor({static_cast<float>(loss), static_cast<float>(known_N.numel()),
                     targets.ge(0).sum().item<float>(), targets.ge(known_).sum().item<float>()});
  // Items are numbered by falling count.
  const Tensor popularity = counts(known * known.lt(known_));
  return {loss_sum, torch::cat({head, counts(places_N), popularity, markov,
                                counts(places_N * known.ge(known_))})
                        .to(batch.inputs.device())};
}

Tensor NextItemTask::states_of(const DeviceBatch& batch, const Tensor& vectors_VE,
                               const DropoutKey& key) {
  return network_->states(torch::embedding(vectors_VE, readable(batch.inputs)), batch.lengths, key);
}

Tensor NextItemTask::full_loss(const DeviceBatch& batch, const DropoutKey& key,
                               const Tensor& known_N) {
  const Tensor vectors_VE = network_->vectors_to_learn(readable(batch.inputs), key);
  const Tensor states = states_of(batch, vectors_VE, key);
  const Tensor targets_N = batch.target(kNext).reshape(-1).index_select(0, known_N) - 1;
  return linear_cross_entropy(
      network_->queries(states.index_select(0, known_N)), network_->candidates(vectors_VE, known_),
      network_->candidate_biases(known_), targets_N, {0, config_.precision == "bfloat16"});
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
      torch::cat({readable(batch.inputs).reshape(-1), targets_N, sample.numbers_S});
  const Tensor rows = network_->vectors_of(items, key);
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
  const Tensor vectors_VE = held_out_vectors();
  const Tensor states = states_of(batch, vectors_VE, {});
  const Tensor queries_NE = network_->queries(states.index_select(0, known_N));
  const Tensor targets_N = batch.target(kNext).reshape(-1).index_select(0, known_N) - 1;
  const int64_t end = network_->readable();
  const Tensor candidates_CE = network_->candidates(vectors_VE, end),
               biases_C = network_->candidate_biases(end);
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
  const Tensor vectors_VE = held_out_vectors();
  const Tensor states =
      states_of(batch, vectors_VE, {}).view({batch.inputs.size(0), batch.size(), -1});
  const Tensor last_BH = pool_over_time(states, batch.lengths, "last", false);
  const int64_t end = network_->readable();
  return torch::addmm(network_->candidate_biases(end), network_->queries(last_BH),
                      network_->candidates(vectors_VE, end).t());
}

std::vector<json> NextItemTask::predict(const DeviceBatch& batch) {
  const Tensor scores_BC = last_scores(batch).cpu();
  std::vector<json> answers;
  for (int64_t b = 0; b < batch.size(); ++b) answers.push_back(best(scores_BC[b], config_.cutoff));
  return answers;
}

json NextItemTask::best(const Tensor& scores_C, int64_t count) {
  const auto [scores, places] = scores_C.topk(std::min(count, scores_C.size(0)));
  json items = json::array(), values = json::array();
  for (int64_t i = 0; i < scores.size(0); ++i) {
    items.push_back(names().name_of(places[i].item<int64_t>() + 1));
    values.push_back(scores[i].item<float>());
  }
  return {{"items", items}, {"scores", values}};
}

const ItemNames& NextItemTask::names() {
  if (!names_) {
    const json& labels = description_.at("items").at("labels");
    std::vector<std::string> names;
    for (size_t i = 0; i < static_cast<size_t>(network_->readable()); ++i) {
      names.push_back(i < labels.size() ? labels[i].get<std::string>() : std::to_string(i));
    }
    names_.emplace(std::move(names));
  }
  return *names_;
}

std::vector<LineAnswer> NextItemTask::answer(const std::vector<json>& lines) {
  return answer_together(
      lines, [this](const json& line) { return read_request(line); },
      [this](const std::vector<Request>& requests) { return answer_requests(requests); });
}

NextItemTask::Request NextItemTask::read_request(const json& line) {
  if (!line.contains("items") || !line["items"].is_array() || line["items"].empty()) {
    throw Error(ExitCode::corrupt, "\"items\" must be a list of items, the last one last");
  }
  Request request;
  for (const json& item : line["items"]) request.items.push_back(names().number_of(item));
  request.top = line.value("top", config_.cutoff);
  if (request.top < 1) throw Error(ExitCode::corrupt, "\"top\" must be at least 1");
  if (line.contains("candidates")) read_candidates(line["candidates"], request);
  return request;
}

void NextItemTask::read_candidates(const json& candidates, Request& request) {
  std::set<int64_t> wanted;
  for (const json& candidate : candidates) {
    const int64_t number = names().number_of(candidate);
    if (number == 0) {
      request.unknown.push_back(candidate);
    } else {
      wanted.insert(number - 1);
    }
  }
  request.candidates.emplace(wanted.begin(), wanted.end());
}

std::vector<json> NextItemTask::answer_requests(const std::vector<Request>& requests) {
  if (!kept_vectors_VE_.defined()) keep_vectors();
  std::vector<std::vector<int64_t>> sessions;
  for (const Request& request : requests) sessions.push_back(request.items);
  const Tensor scores_BC =
      last_scores(batch_of_symbols(sessions, network_->parameters()[0].device())).cpu();
  std::vector<json> answers;
  for (size_t b = 0; b < requests.size(); ++b) {
    const Request& request = requests[b];
    Tensor scores_C = scores_BC[static_cast<int64_t>(b)];
    int64_t most = request.top;
    if (request.candidates) {
      const Tensor index = torch::tensor(*request.candidates, torch::kInt64);
      const Tensor kept = torch::full_like(scores_C, -INFINITY);
      scores_C = kept.index_copy_(0, index, scores_C.index_select(0, index));
      most = std::min(most, index.numel());
    }
    answers.push_back(best(scores_C, most));
    if (!request.unknown.empty()) answers.back()["unknown"] = request.unknown;
  }
  return answers;
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
  const auto known = manifest.known_symbols.find(inputs.name);
  if (known != manifest.known_symbols.end()) description["known_items"] = known->second;
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
  if (!config.item_ids && !config.item_text) {
    throw Error(ExitCode::config,
                "model.item_text and model.item_ids are both false: nothing is known of items");
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
