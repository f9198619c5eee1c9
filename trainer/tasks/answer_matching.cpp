// T time, B questions, N candidates, O numbers of a vector, F features, V vocabulary.
#include "trainer/tasks/answer_matching.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <set>

#include "data/base/error.h"
#include "data/convert.h"
#include "data/text/matching.h"
#include "trainer/tasks/answer_index.h"
#include "trainer/tasks/candidate_lists.h"
#include "trainer/tasks/input_lines.h"
#include "trainer/tasks/matching_loss.h"
#include "trainer/tasks/matching_network.h"
#include "trainer/tasks/text_inputs.h"
#include "trainer/tasks/text_vectors.h"
#include "trainer/tasks/tied_ranking.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

/// Of a file of templates a scorer of pairs reads those that plain text retrieval puts first.
constexpr size_t kShortlist = 20;

/// Scorers of pairs side by side: one is the model itself, several are its members member_0,
/// member_1, ...
class MatchingNetworks {
 public:
  MatchingNetworks(int64_t vocabulary, const ModelConfig& config) {
    for (int i = 0; i < static_cast<int>(config.ensemble); ++i) {
      members_.emplace_back(vocabulary, config, i);
    }
    if (members_.size() == 1) return;
    for (size_t i = 0; i < members_.size(); ++i) {
      holder_.register_module("member_" + std::to_string(i), members_[i]);
    }
  }

  torch::nn::Module& module() { return members_.size() == 1 ? *members_[0] : holder_; }
  std::vector<MatchingNetwork>& members() { return members_; }
  /// Asked for what all have in common, and the only one of a dual encoder.
  MatchingNetworkImpl* operator->() { return members_.front().get(); }
  const MatchingNetworkImpl* operator->() const { return members_.front().get(); }

 private:
  std::vector<MatchingNetwork> members_;
  torch::nn::Module holder_{"ensemble"};
};

class AnswerMatching : public Task {
 public:
  AnswerMatching(const ModelConfig& config, json description)
      : config_(config),
        description_(std::move(description)),
        network_(description_.at("inputs").at("vocabulary").get<int64_t>(), config),
        inputs_(description_.at("inputs")) {
    if (config.ensemble == 1 || network_->scores_pairs()) return;
    throw Error(ExitCode::config, "model.ensemble: of answer_matching only for matching: cross");
  }

  torch::nn::Module& model() override { return network_.module(); }
  json description() const override { return description_; }
  std::string summary() const override {
    const std::string many =
        config_.ensemble > 1 ? fmt::format("{} networks of ", config_.ensemble) : "";
    return many + network_->summary();
  }
  std::vector<std::string> row_sparse_parameters() const override {
    if (config_.ensemble > 1) return {};
    return {"embedding_weight"};
  }

  std::vector<std::string> sum_names() const override {
    return {"loss",         "targets", "ranked", "precisions",
            "ranks",        "hits_1",  "hits_5", "overlap_precisions",
            "overlap_ranks"};
  }
  Metrics metrics(const std::vector<double>& sums) const override;

  void prepare(const Split& train) override;
  bool gathers() const override { return !network_->scores_pairs(); }
  void set_gather(GatherRows gather) override { gather_ = std::move(gather); }
  void compute_nothing() override {
    if (gathers()) {
      const Tensor none = torch::zeros({0, vector_size()}, device());
      batch_loss(none, none, {}, gather_);
    }
  }
  TaskOutput compute(const DeviceBatch& batch, const DropoutKey& key) override;
  void begin_evaluation(const Split& split, const SharedWork& ranks) override;
  void end_evaluation() override { known_answers_ = {}; }
  std::vector<json> predict(const DeviceBatch& batch) override;

  bool answers_lines() const override { return true; }
  bool takes_plain_text() const override { return index_.has_value(); }
  bool set_index(const IndexOptions& options) override;
  std::vector<LineAnswer> answer(const std::vector<json>& lines) override;

 private:
  /// A question with its candidates; without any it asks the index.
  struct Request {
    std::string question;
    std::vector<int64_t> symbols;
    std::vector<std::string> candidates;
  };
  int64_t vector_size() const { return (config_.bidirectional ? 2 : 1) * config_.hidden_size; }
  torch::Device device() const { return network_->parameters()[0].device(); }
  /// Of a dual encoder.
  Tensor question_vectors(const DeviceBatch& batch, const DropoutKey& key) {
    return network_->questions(batch.inputs, batch.lengths, key);
  }
  Tensor answer_vectors(const CandidateLists& lists, const DropoutKey& key) {
    return network_->answers(lists.answers_TN, lists.lengths, {}, key);
  }
  TextEncoder encoder_of(bool questions);
  Tensor distinct_answer_vectors(const CandidateLists& lists);
  Tensor features_of(const DeviceBatch& batch, const CandidateLists& lists) const;
  std::vector<Tensor> pair_scores(const DeviceBatch& batch, const CandidateLists& lists,
                                  const DropoutKey& key);
  Tensor scores_of(const DeviceBatch& batch, const CandidateLists& lists);
  Tensor learn_from_batch(const DeviceBatch& batch, const CandidateLists& lists,
                          const DropoutKey& key, double* sums);
  Tensor learn_from_lists(const DeviceBatch& batch, const CandidateLists& lists,
                          const DropoutKey& key, double* sums);
  Tensor judge(const DeviceBatch& batch, const CandidateLists& lists, double* sums);
  Tensor overlap_of(const DeviceBatch& batch, const CandidateLists& lists) const;

  Request read_request(const json& line);
  std::vector<json> answer_requests(const std::vector<Request>& requests);
  std::vector<std::vector<float>> scores_of(const std::vector<Request>& requests);
  DeviceBatch batch_of(const std::vector<Request>& requests);
  Tensor vectors_of(const std::vector<std::string>& texts, bool questions);
  void encode_index();
  using FoundTemplates = std::vector<std::pair<int64_t, double>>;  ///< with scores, best first
  std::vector<FoundTemplates> best_templates(const std::vector<Request>& questions);
  std::vector<FoundTemplates> best_of_pairs(const std::vector<Request>& questions);
  std::vector<FoundTemplates> best_of_vectors(const std::vector<Request>& questions);
  json from_index(const std::string& question, const FoundTemplates& by_model);
  json found_templates(const FoundTemplates& found) const;

  ModelConfig config_;
  json description_;
  MatchingNetworks network_;
  TextInputs inputs_;
  GatherRows gather_ = [](const Tensor& own) { return GatheredRows{own, 0}; };
  /// All answers of the split that is evaluated, by a dual encoder.
  struct KnownAnswers {
    DistinctTexts texts;
    Tensor vectors;  ///< undefined when no split is evaluated
  };
  KnownAnswers known_answers_;
  IndexOptions index_options_;
  std::optional<AnswerIndex> index_;
  Tensor index_vectors_;               ///< of a dual encoder, one row for each text of the index
  std::vector<int64_t> index_owners_;  ///< the template of each row
};

Metrics AnswerMatching::metrics(const std::vector<double>& sums) const {
  Metrics metrics = {{"loss", sums[0] / (sums[1] > 0 ? sums[1] : NAN)}};
  const double ranked = sums[2];
  if (ranked == 0) return metrics;  // as of training steps
  metrics.emplace_back("map", sums[3] / ranked);
  metrics.emplace_back("mrr", sums[4] / ranked);
  metrics.emplace_back("recall_at_1", sums[5] / ranked);
  metrics.emplace_back("recall_at_5", sums[6] / ranked);
  if (!network_->scores_pairs()) return metrics;
  metrics.emplace_back("overlap_map", sums[7] / ranked);
  metrics.emplace_back("overlap_mrr", sums[8] / ranked);
  return metrics;
}

/// How rare the question's tokens are, of one column.
std::vector<float> weights_of(const Tensor& weights_V, const Tensor& symbols_TB,
                              const std::vector<int64_t>& lengths, int64_t b) {
  const auto weights = weights_V.accessor<float, 1>();
  const auto symbols = symbols_TB.accessor<int64_t, 2>();
  std::vector<float> own;
  for (int64_t t = 0; t < lengths[static_cast<size_t>(b)]; ++t) {
    own.push_back(weights[symbols[t][b]]);
  }
  return own;
}

Tensor AnswerMatching::features_of(const DeviceBatch& batch, const CandidateLists& lists) const {
  const Tensor weights_V = network_->token_weights().cpu();
  const Tensor symbols_TB = batch.inputs.cpu();
  std::vector<float> features;
  for (int64_t b = 0; b < batch.size(); ++b) {
    const auto begin = lists.matched.begin() + lists.first[static_cast<size_t>(b)];
    const auto end = lists.matched.begin() + lists.first[static_cast<size_t>(b) + 1];
    const std::vector<float> own = overlap_features(
        weights_of(weights_V, symbols_TB, batch.lengths, b), {begin, end}, config_.candidate_place);
    features.insert(features.end(), own.begin(), own.end());
  }
  return torch::tensor(features, torch::kFloat32)
      .view({lists.size(), network_->num_features()})
      .to(batch.inputs.device());
}

/// The floor that a reader of no more than shared words reaches.
Tensor AnswerMatching::overlap_of(const DeviceBatch& batch, const CandidateLists& lists) const {
  return features_of(batch, lists).select(1, 0).cpu().contiguous();
}

/// [N] of each scorer of pairs, of each candidate for its own question.
std::vector<Tensor> AnswerMatching::pair_scores(const DeviceBatch& batch,
                                                const CandidateLists& lists,
                                                const DropoutKey& key) {
  const DropoutKey of_answers{key.training, key.seed, key.step, &lists.ids};
  const Tensor owners_N = torch::tensor(lists.owners, torch::kInt64).to(batch.inputs.device());
  const Tensor features_NF = features_of(batch, lists);
  std::vector<Tensor> scores;
  for (MatchingNetwork& member : network_.members()) {
    const Tensor question_BO = member->questions(batch.inputs, batch.lengths, key);
    const Tensor answer_NO =
        member->answers(lists.answers_TN, lists.lengths, lists.match_TN2, of_answers);
    scores.push_back(member->score_pairs(question_BO.index_select(0, owners_N), answer_NO,
                                         features_NF, of_answers));
  }
  return scores;
}

TextEncoder AnswerMatching::encoder_of(bool questions) {
  const auto encode = [this, questions](const Tensor& symbols_TN, const Lengths& lengths) {
    const Tensor vectors = questions ? network_->questions(symbols_TN, lengths, {})
                                     : network_->answers(symbols_TN, lengths, {}, {});
    return network_->scaled(vectors, 1);
  };
  return {encode, vector_size(), device()};
}

/// Candidates are many and often the same: of a batch, and of the batches of a split.
Tensor AnswerMatching::distinct_answer_vectors(const CandidateLists& lists) {
  KnownAnswers own;
  const bool known = known_answers_.vectors.defined();
  std::vector<int64_t> rows;
  const Tensor answers_NT = lists.answers_TN.cpu().t().contiguous();
  const int64_t time = answers_NT.size(1);
  for (int64_t n = 0; n < lists.size(); ++n) {
    const int64_t* symbols = answers_NT.const_data_ptr<int64_t>() + n * time;
    const TextSymbolNumbers text(symbols, symbols + lists.lengths[static_cast<size_t>(n)]);
    rows.push_back(known ? known_answers_.texts.find(text) : own.texts.add(text));
    LOCKSTEP_CHECK(rows.back() >= 0, "the split has no such answer");
  }
  if (!known) own.vectors = encode_texts(own.texts.all(), encoder_of(false));
  const Tensor& vectors = known ? known_answers_.vectors : own.vectors;
  return vectors.index_select(0, torch::tensor(rows, torch::kInt64).to(vectors.device()));
}

/// [N], on held-out data.
Tensor AnswerMatching::scores_of(const DeviceBatch& batch, const CandidateLists& lists) {
  if (network_->scores_pairs()) return torch::stack(pair_scores(batch, lists, {})).mean(0);
  const Tensor owners_N = torch::tensor(lists.owners, torch::kInt64).to(batch.inputs.device());
  const Tensor question_NO = question_vectors(batch, {}).index_select(0, owners_N);
  return (network_->scaled(question_NO, config_.logit_scale) * distinct_answer_vectors(lists))
      .sum(1);
}

/// Which candidates of question b are right.
std::vector<bool> right_of(const CandidateLists& lists, size_t b) {
  return {lists.right.begin() + static_cast<std::ptrdiff_t>(lists.first[b]),
          lists.right.begin() + static_cast<std::ptrdiff_t>(lists.first[b + 1])};
}

/// Where all candidates are right, or none is, every order is as good.
bool can_be_ranked(const std::vector<bool>& right) {
  return std::find(right.begin(), right.end(), true) != right.end() &&
         std::find(right.begin(), right.end(), false) != right.end();
}

double ranked_questions(const CandidateLists& lists) {
  double count = 0;
  for (size_t b = 0; b + 1 < lists.first.size(); ++b) {
    count += can_be_ranked(right_of(lists, b)) ? 1 : 0;
  }
  return count;
}

void add_figures(const Tensor& scores_N, const CandidateLists& lists, double* precisions,
                 double* ranks, double* hits_1, double* hits_5) {
  const float* scores = scores_N.const_data_ptr<float>();
  for (size_t b = 0; b + 1 < lists.first.size(); ++b) {
    const std::vector<bool> right = right_of(lists, b);
    if (!can_be_ranked(right)) continue;
    const auto begin = static_cast<size_t>(lists.first[b]);
    const auto end = static_cast<size_t>(lists.first[b + 1]);
    const RankingFigures figures = rank_with_ties({scores + begin, scores + end}, right);
    *precisions += figures.average_precision;
    *ranks += figures.reciprocal_rank;
    if (hits_1 != nullptr) *hits_1 += figures.hit_at_1;
    if (hits_5 != nullptr) *hits_5 += figures.hit_at_5;
  }
}

double questions_with_right(const CandidateLists& lists) {
  std::set<int64_t> answered;
  for (size_t n = 0; n < lists.owners.size(); ++n) {
    if (lists.right[n]) answered.insert(lists.owners[n]);
  }
  return static_cast<double>(answered.size());
}

TaskOutput AnswerMatching::compute(const DeviceBatch& batch, const DropoutKey& key) {
  const CandidateLists lists = candidate_lists(batch);
  double sums[9] = {};
  Tensor loss;
  if (!key.training) {
    loss = judge(batch, lists, sums);
  } else if (gathers()) {
    loss = learn_from_batch(batch, lists, key, sums);
  } else {
    loss = learn_from_lists(batch, lists, key, sums);
  }
  std::vector<float> narrow(std::begin(sums), std::end(sums));
  return {loss, torch::tensor(narrow, torch::kFloat32).to(batch.inputs.device())};
}

Tensor AnswerMatching::learn_from_batch(const DeviceBatch& batch, const CandidateLists& lists,
                                        const DropoutKey& key, double* sums) {
  const DropoutKey of_answers{key.training, key.seed, key.step, &lists.ids};
  const BatchLoss parts =
      batch_loss(network_->scaled(question_vectors(batch, key), config_.logit_scale),
                 network_->scaled(answer_vectors(lists, of_answers), 1), lists, gather_);
  sums[0] = parts.own.item<double>();
  sums[1] = questions_with_right(lists);
  return parts.all;
}

/// Networks side by side learn each by itself; the loss that is told is their mean.
Tensor AnswerMatching::learn_from_lists(const DeviceBatch& batch, const CandidateLists& lists,
                                        const DropoutKey& key, double* sums) {
  const std::vector<Tensor> scores = pair_scores(batch, lists, key);
  Tensor loss = torch::zeros({}, scores.front().options());
  for (const Tensor& scores_N : scores) {
    const Tensor own = list_loss(scores_N, lists);
    sums[0] += own.item<double>() / static_cast<double>(scores.size());
    loss = loss + own;
    if (config_.candidate_loss == 0) continue;
    loss = loss + config_.candidate_loss * candidate_loss(scores_N, lists);
  }
  sums[1] = static_cast<double>(batch.size());
  return loss;
}

Tensor AnswerMatching::judge(const DeviceBatch& batch, const CandidateLists& lists, double* sums) {
  const Tensor scores_N = scores_of(batch, lists);
  const Tensor loss = list_loss(scores_N, lists);
  sums[0] = loss.item<double>();
  sums[1] = questions_with_right(lists);
  sums[2] = ranked_questions(lists);
  add_figures(scores_N.detach().cpu().contiguous(), lists, &sums[3], &sums[4], &sums[5], &sums[6]);
  if (network_->scores_pairs()) {
    add_figures(overlap_of(batch, lists), lists, &sums[7], &sums[8], nullptr, nullptr);
  }
  return loss;
}

/// One object for each question: the scores of its candidates, and the best one's place from 0.
std::vector<json> AnswerMatching::predict(const DeviceBatch& batch) {
  torch::NoGradGuard no_grad;
  const CandidateLists lists = candidate_lists(batch);
  const Tensor scores_N = scores_of(batch, lists).cpu().contiguous();
  const float* scores = scores_N.const_data_ptr<float>();
  std::vector<json> answers;
  for (size_t b = 0; b + 1 < lists.first.size(); ++b) {
    const std::vector<float> own(scores + lists.first[b], scores + lists.first[b + 1]);
    answers.push_back(
        {{"scores", own}, {"best", std::max_element(own.begin(), own.end()) - own.begin()}});
  }
  return answers;
}

template <class T>
std::vector<T> read_stream(const Split& split, int64_t id, size_t stream) {
  const int64_t features = std::max<int64_t>(1, split.streams()[stream].features);
  std::vector<T> values(static_cast<size_t>(split.length(id, stream) * features));
  split.read(id, stream, values.data());
  return values;
}

void AnswerMatching::begin_evaluation(const Split& split, const SharedWork& ranks) {
  if (network_->scores_pairs()) return;
  known_answers_ = {};
  for (int64_t id = 0; id < split.size(); ++id) {
    const auto symbols = read_stream<int32_t>(split, id, 1);
    auto symbol = symbols.begin();
    for (const int32_t length : read_stream<int32_t>(split, id, 2)) {
      LOCKSTEP_CHECK(symbols.end() - symbol >= length, "an answer of question {} is cut off", id);
      known_answers_.texts.add({symbol, symbol + length});
      symbol += length;
    }
  }
  known_answers_.vectors = encode_texts(known_answers_.texts.all(), encoder_of(false), ranks);
}

/// A batch of one question of the split; streams are inputs, answers, lengths, match, right.
DeviceBatch batch_of_question(const Split& split, int64_t id) {
  const auto inputs = read_stream<int32_t>(split, id, 0),
             answers = read_stream<int32_t>(split, id, 1);
  const auto lengths = read_stream<int32_t>(split, id, 2);
  const auto match = read_stream<int16_t>(split, id, 3);
  const auto right = read_stream<uint8_t>(split, id, 4);
  const auto column = [](const auto& values, int64_t features) {
    return torch::tensor(std::vector<float>(values.begin(), values.end()), torch::kFloat32)
        .view({-1, 1, features});
  };
  DeviceBatch batch;
  batch.inputs =
      torch::tensor(std::vector<int64_t>(inputs.begin(), inputs.end()), torch::kInt64).unsqueeze(1);
  batch.lengths = {static_cast<int64_t>(inputs.size())};
  batch.sample_ids = {id};
  batch.targets["answers"] =
      torch::tensor(std::vector<int64_t>(answers.begin(), answers.end()), torch::kInt64)
          .unsqueeze(1);
  batch.targets["lengths"] = column(lengths, 1);
  batch.targets["match"] = column(match, 2);
  batch.targets["right"] = column(right, 1);
  return batch;
}

/// Counts in how many training answers each token stands, then the moments of the features that
/// this gives.
void AnswerMatching::prepare(const Split& train) {
  torch::NoGradGuard no_grad;
  const int64_t vocabulary = description_.at("inputs").at("vocabulary");
  std::vector<float> counts(static_cast<size_t>(vocabulary));
  double answers = 0;
  for (int64_t id = 0; id < train.size(); ++id) {
    const auto symbols = read_stream<int32_t>(train, id, 1);
    auto symbol = symbols.begin();
    for (const int32_t length : read_stream<int32_t>(train, id, 2)) {
      const std::set<int32_t> own(symbol, symbol + length);
      for (const int32_t one : own) counts.at(static_cast<size_t>(one)) += 1;
      symbol += length;
      answers += 1;
    }
  }
  // What is unknown is rare, however many such tokens there are.
  const int64_t unknown = inputs_.unknown();
  if (unknown >= 0) counts.at(static_cast<size_t>(unknown)) = 0;
  for (MatchingNetwork& member : network_.members()) {
    member->set_counts(torch::tensor(counts, torch::kFloat32), answers);
  }
  if (!network_->scores_pairs()) return;
  std::vector<Tensor> features;
  for (int64_t id = 0; id < train.size(); ++id) {
    const DeviceBatch batch = batch_of_question(train, id);
    features.push_back(features_of(batch, candidate_lists(batch)));
  }
  const Tensor all_NF = torch::cat(features);
  for (MatchingNetwork& member : network_.members()) {
    member->set_feature_moments(all_NF.mean(0), all_NF.std(0, false).clamp_min(1e-3));
  }
}

std::vector<LineAnswer> AnswerMatching::answer(const std::vector<json>& lines) {
  return answer_together(
      lines, [this](const json& line) { return read_request(line); },
      [this](const std::vector<Request>& requests) { return answer_requests(requests); });
}

AnswerMatching::Request AnswerMatching::read_request(const json& line) {
  const char* field = line.contains("question") ? "question" : "text";
  if (!line.contains(field)) throw Error(ExitCode::corrupt, "\"question\" is missing");
  Request request;
  request.question = line.at(field).get<std::string>();
  request.symbols = inputs_.symbols_of(request.question);
  if (request.symbols.empty()) throw Error(ExitCode::corrupt, "the question is empty");
  if (line.contains("candidates")) {
    request.candidates = line.at("candidates").get<std::vector<std::string>>();
    if (request.candidates.empty()) throw Error(ExitCode::corrupt, "\"candidates\" is empty");
    for (const std::string& answer : request.candidates) {
      if (inputs_.symbols_of(answer).empty()) throw Error(ExitCode::corrupt, "an answer is empty");
    }
  } else if (!index_) {
    throw Error(ExitCode::corrupt, "\"candidates\" is missing, and there is no --index");
  }
  return request;
}

/// {"ranking": [{"place", "answer", "score"}, ...]}, best first.
json ranking_of(const std::vector<std::string>& answers, const std::vector<float>& scores) {
  std::vector<size_t> order(answers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  json ranking = json::array();
  for (const size_t i : order) {
    ranking.push_back({{"place", i}, {"answer", answers[i]}, {"score", scores[i]}});
  }
  return {{"ranking", std::move(ranking)}};
}

std::vector<json> AnswerMatching::answer_requests(const std::vector<Request>& requests) {
  std::vector<Request> ranked, asked;
  for (const Request& request : requests) {
    (request.candidates.empty() ? asked : ranked).push_back(request);
  }
  const std::vector<std::vector<float>> scores = scores_of(ranked);
  const std::vector<FoundTemplates> found = best_templates(asked);
  std::vector<json> answers;
  auto own_scores = scores.begin();
  auto own_found = found.begin();
  for (const Request& request : requests) {
    answers.push_back(request.candidates.empty() ? from_index(request.question, *own_found++)
                                                 : ranking_of(request.candidates, *own_scores++));
  }
  return answers;
}

/// Of each question's candidates.
std::vector<std::vector<float>> AnswerMatching::scores_of(const std::vector<Request>& requests) {
  std::vector<std::vector<float>> scores;
  if (requests.empty()) return scores;
  for (const json& answer : predict(batch_of(requests))) {
    scores.push_back(answer.at("scores").get<std::vector<float>>());
  }
  return scores;
}

/// Rows of [steps, features] behind each other as a batch's column; the rest is 0.
template <class T>
void set_column(Tensor& target_TBF, size_t column, const std::vector<T>& values) {
  const Tensor own = torch::tensor(values, target_TBF.options());
  const int64_t features = target_TBF.numel() / (target_TBF.size(0) * target_TBF.size(1));
  const Tensor place =
      target_TBF.select(1, static_cast<int64_t>(column)).narrow(0, 0, own.numel() / features);
  place.copy_(own.view(place.sizes()));
}

/// Of new texts; each question has a candidate.
DeviceBatch AnswerMatching::batch_of(const std::vector<Request>& requests) {
  std::vector<std::vector<int64_t>> questions, answers(requests.size());
  std::vector<std::vector<float>> lengths(requests.size()), match(requests.size());
  size_t most_tokens = 0, most_answers = 0;
  for (size_t b = 0; b < requests.size(); ++b) {
    questions.push_back(requests[b].symbols);
    const std::vector<std::string> words = inputs_.tokens_of(requests[b].question);
    for (const std::string& answer : requests[b].candidates) {
      const std::vector<int64_t> own = inputs_.symbols_of(answer);
      answers[b].insert(answers[b].end(), own.begin(), own.end());
      lengths[b].push_back(static_cast<float>(own.size()));
      for (const TokenMatch& one : match_tokens(words, inputs_.tokens_of(answer))) {
        match[b].insert(match[b].end(),
                        {static_cast<float>(one.word), static_cast<float>(one.stem)});
      }
    }
    most_tokens = std::max(most_tokens, answers[b].size());
    most_answers = std::max(most_answers, lengths[b].size());
  }
  DeviceBatch batch = batch_of_symbols(questions, device());
  const auto tokens = static_cast<int64_t>(most_tokens);
  const auto count = static_cast<int64_t>(most_answers);
  Tensor answers_TB = torch::full({tokens, batch.size()}, kPaddingSymbol, torch::kInt64);
  Tensor lengths_CB1 = torch::zeros({count, batch.size(), 1});
  Tensor match_TB2 = torch::zeros({tokens, batch.size(), 2});
  for (size_t b = 0; b < requests.size(); ++b) {
    set_column(answers_TB, b, answers[b]);
    set_column(lengths_CB1, b, lengths[b]);
    set_column(match_TB2, b, match[b]);
  }
  batch.targets = {{"answers", answers_TB},
                   {"lengths", lengths_CB1},
                   {"match", match_TB2},
                   {"right", torch::zeros({count, batch.size(), 1})}};
  return batch;
}

bool AnswerMatching::set_index(const IndexOptions& options) {
  if (config_.candidate_place) {
    throw Error(ExitCode::usage,
                "--index: this model looks at an answer's place in its page, "
                "and a file of "
                "answers has none",
                "train with model.candidate_place=false");
  }
  index_options_ = options;
  index_.emplace(options.file, [this](const std::string& text) { return inputs_.tokens_of(text); });
  if (!network_->scores_pairs()) encode_index();
  return true;
}

/// Vectors of texts, of length 1 where the model compares directions.
Tensor AnswerMatching::vectors_of(const std::vector<std::string>& texts, bool questions) {
  std::vector<TextSymbolNumbers> symbols;
  for (const std::string& text : texts) {
    symbols.push_back(inputs_.symbols_of(text));
    if (symbols.back().empty()) throw Error(ExitCode::corrupt, "a text is empty");
  }
  std::vector<const TextSymbolNumbers*> places;
  for (const TextSymbolNumbers& text : symbols) places.push_back(&text);
  return encode_texts(places, encoder_of(questions));
}

/// Templates are found by their answer and by the questions they are known to answer.
void AnswerMatching::encode_index() {
  std::vector<std::string> answers, questions;
  std::vector<int64_t> askers;
  for (size_t i = 0; i < index_->templates().size(); ++i) {
    const AnswerTemplate& one = index_->templates()[i];
    answers.push_back(one.answer);
    index_owners_.push_back(static_cast<int64_t>(i));
    for (const std::string& question : one.questions) {
      if (inputs_.symbols_of(question).empty()) continue;
      questions.push_back(question);
      askers.push_back(static_cast<int64_t>(i));
    }
  }
  index_vectors_ = vectors_of(answers, false);
  if (questions.empty()) return;
  index_vectors_ = torch::cat({index_vectors_, vectors_of(questions, true)});
  index_owners_.insert(index_owners_.end(), askers.begin(), askers.end());
}

/// All templates that the model has looked at.
std::vector<AnswerMatching::FoundTemplates> AnswerMatching::best_templates(
    const std::vector<Request>& questions) {
  if (questions.empty()) return {};
  auto all = network_->scores_pairs() ? best_of_pairs(questions) : best_of_vectors(questions);
  for (FoundTemplates& found : all) {
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
  }
  return all;
}

std::vector<AnswerMatching::FoundTemplates> AnswerMatching::best_of_pairs(
    const std::vector<Request>& questions) {
  std::vector<FoundTemplates> all;
  std::vector<Request> requests;  // of those for which anything was found
  for (const Request& question : questions) {
    all.push_back(index_->search(question.question, kShortlist));
    if (all.back().empty()) continue;
    requests.push_back(question);
    for (const auto& [number, score] : all.back()) {
      requests.back().candidates.push_back(index_->templates()[static_cast<size_t>(number)].answer);
    }
  }
  const std::vector<std::vector<float>> scores = scores_of(requests);
  auto own = scores.begin();
  for (FoundTemplates& found : all) {
    if (found.empty()) continue;
    const Tensor shares = torch::tensor(*own++, torch::kFloat64).softmax(0);
    for (size_t i = 0; i < found.size(); ++i) {
      found[i].second = shares[static_cast<int64_t>(i)].item<double>();
    }
  }
  return all;
}

std::vector<AnswerMatching::FoundTemplates> AnswerMatching::best_of_vectors(
    const std::vector<Request>& questions) {
  std::vector<std::string> texts;
  for (const Request& question : questions) texts.push_back(question.question);
  const Tensor scores_BN = vectors_of(texts, true).matmul(index_vectors_.t()).cpu().contiguous();
  std::vector<FoundTemplates> all;
  for (size_t b = 0; b < questions.size(); ++b) {
    const float* scores = scores_BN.const_data_ptr<float>() + b * index_owners_.size();
    std::vector<double> best(index_->templates().size(), -INFINITY);
    for (size_t n = 0; n < index_owners_.size(); ++n) {
      double& own = best[static_cast<size_t>(index_owners_[n])];
      own = std::max(own, static_cast<double>(scores[n]));
    }
    FoundTemplates found;
    for (size_t i = 0; i < best.size(); ++i) found.emplace_back(static_cast<int64_t>(i), best[i]);
    all.push_back(std::move(found));
  }
  return all;
}

json AnswerMatching::found_templates(const FoundTemplates& found) const {
  json answers = json::array();
  for (const auto& [number, score] : found) {
    if (static_cast<int64_t>(answers.size()) == index_options_.top) break;
    const AnswerTemplate& one = index_->templates()[static_cast<size_t>(number)];
    answers.push_back({{"template", one.id}, {"answer", one.answer}, {"score", score}});
  }
  return answers;
}

/// {"by", "answers"}: by the "model" when its best score reaches the threshold, else by plain
/// "text" retrieval when that reaches its own, else by null: there is no good answer.
json AnswerMatching::from_index(const std::string& question, const FoundTemplates& by_model) {
  if (!by_model.empty() && by_model.front().second >= index_options_.threshold) {
    return {{"by", "model"}, {"answers", found_templates(by_model)}};
  }
  const auto by_text = index_->search(question, static_cast<size_t>(index_options_.top));
  if (!by_text.empty() && by_text.front().second >= index_options_.text_threshold) {
    return {{"by", "text"}, {"answers", found_templates(by_text)}};
  }
  return {{"by", nullptr}, {"answers", json::array()}, {"message", "no good answer"}};
}

json describe_candidates(const Manifest& manifest) {
  std::vector<std::string> names;
  for (const StreamSchema& stream : manifest.streams) names.push_back(stream.name);
  if (names != std::vector<std::string>{"inputs", "answers", "lengths", "match", "right"}) {
    throw Error(ExitCode::config,
                "task answer_matching needs questions with lists of "
                "candidates; this data set has "
                "none",
                "make one with `lockstep data import pairs`");
  }
  return describe_inputs(manifest);
}

std::unique_ptr<Task> make_answer_matching(const ModelConfig& config, const json& description) {
  return std::make_unique<AnswerMatching>(config, description);
}

}  // namespace

TaskEntry answer_matching_entry() {
  return {"answer_matching", &describe_candidates, &make_answer_matching};
}

}  // namespace lockstep
