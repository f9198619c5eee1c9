// T time, B batch, V items, C candidates, D an item's vector, F features, H hidden, N judged
// events.
#include "trainer/tasks/like_prediction.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "data/base/error.h"
#include "data/like_statistics.h"
#include "data/signal_info_json.h"
#include "trainer/model/lstm_stack.h"
#include "trainer/tasks/input_lines.h"
#include "trainer/tasks/item_names.h"
#include "trainer/tasks/item_texts.h"
#include "trainer/tasks/like_network.h"
#include "trainer/tasks/score_histogram.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

constexpr const char* kLiked = "liked";
constexpr const char* kJudged = "judged";
constexpr const char* kFeatures = "features";

size_t column_of_feature(const std::string& name) {
  const std::vector<std::string>& names = LikeStatistics::names();
  return static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

class LikePrediction : public Task {
 public:
  LikePrediction(const ModelConfig& config, json description)
      : config_(config),
        description_(std::move(description)),
        scaling_(read_feature_scaling(JsonValue(description_.at("features"), "the model"),
                                      description_.at("features").at("mean").size())),
        items_(description_.at("items").get<std::vector<std::string>>()),
        network_(description_, config) {}

  torch::nn::Module& model() override { return *network_; }
  json description() const override { return description_; }
  std::string summary() const override;

  std::vector<std::string> sum_names() const override {
    std::vector<std::string> names = {"loss", "targets", "correct"};
    own_scores_.add_names(names);
    popularity_.add_names(names);
    means_.add_names(names);
    return names;
  }
  Metrics metrics(const std::vector<double>& sums) const override {
    const double targets = sums[1] > 0 ? sums[1] : NAN;
    const double* counts = sums.data() + 3;
    return {{"loss", sums[0] / targets},
            {"accuracy", sums[2] / targets},
            {"auc", ScoreHistogram::area(counts)},
            {"popularity_auc", ScoreHistogram::area(counts + ScoreHistogram::kSize)},
            {"means_auc", ScoreHistogram::area(counts + 2 * ScoreHistogram::kSize)}};
  }

  TaskOutput compute(const DeviceBatch& batch, const DropoutKey& key) override;
  std::vector<std::string> row_sparse_parameters() const override;
  std::vector<json> predict(const DeviceBatch& batch) override;
  bool answers_lines() const override { return true; }
  std::vector<LineAnswer> answer(const std::vector<json>& lines) override;

 private:
  /// What a line asks for.
  struct Request {
    std::vector<int64_t> items, liked;  ///< the history
    LikeUser user;
    std::vector<int64_t> candidates;
    double now = 0;
    int64_t top = 0;
    json unknown = json::array();
  };
  Tensor log_odds(const DeviceBatch& batch, const DropoutKey& key);
  /// A feature as it was before it was standardised.
  Tensor raw_feature(const Tensor& features_NF, const std::string& name) const;
  Request read_request(const json& line);
  void read_history(const json& history, Request& request);
  void read_candidates(const json& line, Request& request);
  std::vector<json> answer_requests(const std::vector<Request>& requests);
  Tensor after_histories(const std::vector<Request>& requests);
  const Tensor& item_vectors();
  json best_of(const Request& request, const Tensor& odds_C) const;
  Tensor features_of(const LikeUser& user, const std::vector<int64_t>& candidates, double now);
  const LikesInfo& likes();

  ModelConfig config_;
  json description_;
  FeatureScaling scaling_;
  ItemNames items_;
  LikeNetwork network_;
  ScoreHistogram own_scores_{"own", -6, 6};
  ScoreHistogram popularity_{"popularity", 0, 16};
  ScoreHistogram means_{"means", 0, 2};
  std::optional<LikesInfo> likes_;
  Tensor item_vectors_VD_;  ///< of all items, from the first line on
};

std::string LikePrediction::summary() const {
  return fmt::format(
      "{}{}{} x lstm {}, linear {} -> 1, {} items{}", config_.item_text ? "texts by lstm, " : "",
      config_.item_ids ? "embeddings of items, " : "", config_.num_layers, config_.hidden_size,
      config_.hidden_size, items_.size(),
      config_.item_features ? fmt::format(", {} features", scaling_.mean.size()) : "");
}

std::vector<std::string> LikePrediction::row_sparse_parameters() const {
  std::vector<std::string> names;
  if (config_.item_text) names.emplace_back("text.word_embedding_weight");
  if (config_.item_ids) names.emplace_back("item_embedding_weight");
  return names;
}

Tensor LikePrediction::log_odds(const DeviceBatch& batch, const DropoutKey& key) {
  const Tensor vectors_TBD = network_->vectors(batch.inputs.clamp_min(0), key);
  const Tensor before_TBH = network_->before(vectors_TBD, batch.target(kLiked), batch.lengths, key);
  return network_->log_odds(before_TBH, vectors_TBD, batch.target(kFeatures), key);
}

Tensor LikePrediction::raw_feature(const Tensor& features_NF, const std::string& name) const {
  const size_t column = column_of_feature(name);
  return features_NF.select(1, static_cast<int64_t>(column)) * scaling_.deviation[column] +
         scaling_.mean[column];
}

TaskOutput LikePrediction::compute(const DeviceBatch& batch, const DropoutKey& key) {
  const Tensor judged_N = batch.target(kJudged).reshape(-1).eq(1).nonzero().squeeze(1);
  const Tensor odds_N = log_odds(batch, key).reshape(-1).index_select(0, judged_N);
  const Tensor liked_N = batch.target(kLiked).reshape(-1).index_select(0, judged_N);
  const Tensor loss_sum = torch::binary_cross_entropy_with_logits(
      odds_N, liked_N.to(odds_N.dtype()), {}, {}, at::Reduction::Sum);
  torch::NoGradGuard no_grad;
  const Tensor features_NF =
      batch.target(kFeatures).flatten(0, 1).index_select(0, judged_N).to(torch::kFloat64);
  const Tensor means_N = raw_feature(features_NF, "item_liked").sigmoid() +
                         raw_feature(features_NF, "user_liked").sigmoid();
  const Tensor correct = odds_N.gt(0).eq(liked_N.eq(1)).sum().to(torch::kFloat32);
  const Tensor head = torch::stack(
      {loss_sum.detach(), torch::full({}, static_cast<float>(judged_N.numel()), loss_sum.options()),
       correct});
  return {loss_sum, torch::cat({head, own_scores_.count(odds_N, liked_N),
                                popularity_.count(raw_feature(features_NF, "item_events"), liked_N),
                                means_.count(means_N, liked_N)})};
}

std::vector<json> LikePrediction::predict(const DeviceBatch& batch) {
  torch::NoGradGuard no_grad;
  const Tensor p_TB = log_odds(batch, {}).sigmoid().cpu();
  const Tensor items_TB = batch.inputs.cpu(), judged_TB = batch.target(kJudged).cpu();
  std::vector<json> answers;
  for (int64_t b = 0; b < batch.size(); ++b) {
    json names = json::array(), probabilities = json::array();
    for (int64_t t = 0; t < batch.lengths[static_cast<size_t>(b)]; ++t) {
      if (judged_TB[t][b].item<int64_t>() != 1) continue;
      names.push_back(items_.name_of(items_TB[t][b].item<int64_t>()));
      probabilities.push_back(p_TB[t][b].item<float>());
    }
    answers.push_back({{"items", std::move(names)}, {"probabilities", std::move(probabilities)}});
  }
  return answers;
}

const LikesInfo& LikePrediction::likes() {
  if (!likes_) {
    likes_ = read_likes_info(JsonValue(description_.at("likes"), "the model"), items_.size());
  }
  return *likes_;
}

double time_of(const json& object, double otherwise) {
  if (!object.contains("time")) return otherwise;
  if (!object["time"].is_number()) {
    throw Error(ExitCode::corrupt, "\"time\" must be a number of seconds since 1970");
  }
  return object["time"].get<double>();
}

/// Standardised as in training, [1, C, F].
Tensor LikePrediction::features_of(const LikeUser& user, const std::vector<int64_t>& candidates,
                                   double now) {
  const LikeStatistics statistics(likes());
  std::vector<float> values;
  for (const int64_t item : candidates) {
    std::vector<double> row = statistics.features(user, item, now);
    const std::vector<double>& numbers = likes().item_numbers[static_cast<size_t>(item)];
    row.insert(row.end(), numbers.begin(), numbers.end());
    for (size_t i = 0; i < row.size(); ++i) {
      values.push_back(static_cast<float>((row[i] - scaling_.mean[i]) / scaling_.deviation[i]));
    }
  }
  return torch::tensor(values).view({1, static_cast<int64_t>(candidates.size()), -1});
}

std::vector<LineAnswer> LikePrediction::answer(const std::vector<json>& lines) {
  return answer_together(
      lines, [this](const json& line) { return read_request(line); },
      [this](const std::vector<Request>& requests) { return answer_requests(requests); });
}

LikePrediction::Request LikePrediction::read_request(const json& line) {
  if (!line.contains("history") || !line["history"].is_array()) {
    throw Error(ExitCode::corrupt, "\"history\" must be a list of events, the last one last");
  }
  Request request;
  const json& history = line["history"];
  request.now = time_of(line, history.empty() ? 0 : time_of(history.back(), 0));
  read_history(history, request);
  read_candidates(line, request);
  const auto count = static_cast<int64_t>(request.candidates.size());
  request.top = std::min(count, line.value("top", int64_t{20}));
  if (request.top < 1) {
    throw Error(ExitCode::corrupt, "no candidate is known, or \"top\" is below 1");
  }
  return request;
}

void LikePrediction::read_history(const json& history, Request& request) {
  const LikeStatistics statistics(likes());
  double time = request.now;
  for (const json& event : history) {
    const json* said = event.is_object() && event.contains(kLiked) ? &event[kLiked] : nullptr;
    if (said == nullptr || !said->is_boolean() || !event.contains("item")) {
      throw Error(ExitCode::corrupt,
                  "\"history\" must hold objects with \"item\" and \"liked\" (true or false)");
    }
    request.items.push_back(items_.number_of(event["item"]));
    request.liked.push_back(said->get<bool>() ? 1 : 0);
    time = time_of(event, time);
    statistics.add_to_user(request.user, request.items.back(), time, said->get<bool>());
  }
}

void LikePrediction::read_candidates(const json& line, Request& request) {
  if (line.contains("candidates")) {
    for (const json& item : line["candidates"]) {
      const int64_t number = items_.number_of(item);
      if (number == 0) request.unknown.push_back(item);
      if (number > 0) request.candidates.push_back(number);
    }
  } else {
    for (int64_t item = 1; item < items_.size(); ++item) request.candidates.push_back(item);
  }
}

/// While lines are answered the weights do not change.
const Tensor& LikePrediction::item_vectors() {
  if (!item_vectors_VD_.defined()) {
    const torch::Device device = network_->parameters()[0].device();
    item_vectors_VD_ = network_->vectors(torch::arange(items_.size()).to(device), {});
  }
  return item_vectors_VD_;
}

/// What is known of each user behind the history, [B, H].
Tensor LikePrediction::after_histories(const std::vector<Request>& requests) {
  std::vector<std::vector<int64_t>> items, liked;
  for (const Request& request : requests) {
    // Behind each comes what is asked for: nothing of it is read.
    items.push_back(request.items);
    items.back().push_back(0);
    liked.push_back(request.liked);
    liked.back().push_back(0);
  }
  const torch::Device device = item_vectors().device();
  const DeviceBatch batch = batch_of_symbols(items, device);
  const Tensor liked_TB = batch_of_symbols(liked, device).inputs;
  const Tensor vectors_TBD = torch::embedding(item_vectors(), batch.inputs.clamp_min(0));
  const Tensor before_TBH = network_->before(vectors_TBD, liked_TB, batch.lengths, {});
  return pool_over_time(before_TBH, batch.lengths, "last", false);
}

std::vector<json> LikePrediction::answer_requests(const std::vector<Request>& requests) {
  torch::NoGradGuard no_grad;
  const Tensor after_BH = after_histories(requests);
  const torch::Device device = after_BH.device();
  std::vector<json> answers;
  for (size_t b = 0; b < requests.size(); ++b) {
    const Request& request = requests[b];
    const Tensor numbers_C = torch::tensor(request.candidates, torch::kInt64).to(device);
    const Tensor vectors_1CD = item_vectors().index_select(0, numbers_C).unsqueeze(0);
    const Tensor after_1CH = after_BH[static_cast<int64_t>(b)].expand({1, numbers_C.size(0), -1});
    const Tensor features_1CF = features_of(request.user, request.candidates, request.now);
    const Tensor odds_1C = network_->log_odds(after_1CH, vectors_1CD, features_1CF.to(device), {});
    answers.push_back(best_of(request, odds_1C.squeeze(0).cpu()));
  }
  return answers;
}

json LikePrediction::best_of(const Request& request, const Tensor& odds_C) const {
  const auto [odds, places] = odds_C.topk(request.top);
  json names = json::array(), probabilities = json::array();
  for (int64_t i = 0; i < request.top; ++i) {
    const auto place = static_cast<size_t>(places[i].item<int64_t>());
    names.push_back(items_.name_of(request.candidates[place]));
    probabilities.push_back(1 / (1 + std::exp(-odds[i].item<double>())));
  }
  json answer = {{"items", std::move(names)}, {"probabilities", std::move(probabilities)}};
  if (!request.unknown.empty()) answer["unknown"] = request.unknown;
  return answer;
}

json describe_like_data(const Manifest& manifest) {
  const auto has = [&](const char* name) {
    return std::any_of(manifest.streams.begin() + 1, manifest.streams.end(),
                       [&](const StreamSchema& stream) { return stream.name == name; });
  };
  const auto scaling = manifest.scaling.find(kFeatures);
  const bool fits = manifest.likes && has(kLiked) && has(kJudged) && has(kFeatures) &&
                    scaling != manifest.scaling.end();
  if (!fits) {
    throw Error(ExitCode::config,
                "task like_prediction needs items that users like or not; this data set has none",
                "make one with `lockstep data import likes`");
  }
  json description = {{"items", manifest.streams.front().labels},
                      {"features", json_of(scaling->second)},
                      {"likes", json_of(*manifest.likes)}};
  const auto texts = manifest.symbol_texts.find("inputs");
  if (texts != manifest.symbol_texts.end()) {
    description["texts"] = describe_item_texts(texts->second);
  }
  return description;
}

std::unique_ptr<Task> make_likes(const ModelConfig& config, const json& description) {
  if (config.item_text && !description.contains("texts")) {
    throw Error(ExitCode::config, "model.item_text: the items of this data set have no texts",
                "import it with --items and --text-columns, or set model.item_text: false");
  }
  if (!config.item_text && !config.item_ids) {
    throw Error(ExitCode::config,
                "model.item_text and model.item_ids are both false: nothing is known of items");
  }
  return std::make_unique<LikePrediction>(config, description);
}

}  // namespace

TaskEntry like_prediction_entry() {
  return {"like_prediction", &describe_like_data, &make_likes};
}

}  // namespace lockstep
