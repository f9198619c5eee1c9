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
#include "trainer/tasks/tied_ranking.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

/// Of a file of templates a scorer of pairs reads those that plain text retrieval puts first.
constexpr size_t kShortlist = 20;
/// Texts of an index encoded together.
constexpr size_t kIndexBatch = 256;

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
  std::vector<json> predict(const DeviceBatch& batch) override;

  bool answers_lines() const override { return true; }
  bool takes_plain_text() const override { return index_.has_value(); }
  bool set_index(const IndexOptions& options) override;
  json answer(const json& line) override;

 private:
  int64_t vector_size() const { return (config_.bidirectional ? 2 : 1) * config_.hidden_size; }
  torch::Device device() const { return network_->parameters()[0].device(); }
  /// Of a dual encoder.
  Tensor question_vectors(const DeviceBatch& batch, const DropoutKey& key) {
    return network_->questions(batch.inputs, batch.lengths, key);
  }
  Tensor answer_vectors(const CandidateLists& lists, const DropoutKey& key) {
    return network_->answers(lists.answers_TN, lists.lengths, {}, key);
  }
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

  DeviceBatch batch_of(const std::string& question, const std::vector<std::string>& answers);
  Tensor vectors_of(const std::vector<std::string>& texts, bool questions);
  void encode_index();
  std::vector<std::pair<int64_t, double>> best_templates(const std::string& question);
  json ranking_of(const std::string& question, const json& candidates);
  json from_index(const std::string& question);
  json found_templates(const std::vector<std::pair<int64_t, double>>& found) const;

  ModelConfig config_;
  json description_;
  MatchingNetworks network_;
  TextInputs inputs_;
  GatherRows gather_ = [](const Tensor& own) { return GatheredRows{own, 0}; };
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

/// [N], on held-out data.
Tensor AnswerMatching::scores_of(const DeviceBatch& batch, const CandidateLists& lists) {
  if (network_->scores_pairs()) return torch::stack(pair_scores(batch, lists, {})).mean(0);
  const Tensor owners_N = torch::tensor(lists.owners, torch::kInt64).to(batch.inputs.device());
  const Tensor question_NO = question_vectors(batch, {}).index_select(0, owners_N);
  return (network_->scaled(question_NO, config_.logit_scale) *
          network_->scaled(answer_vectors(lists, {}), 1))
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

/// Such a batch of new texts.
DeviceBatch AnswerMatching::batch_of(const std::string& question,
                                     const std::vector<std::string>& answers) {
  std::vector<int64_t> symbols = inputs_.symbols_of(question);
  if (symbols.empty()) throw Error(ExitCode::corrupt, "the question is empty");
  const std::vector<std::string> words = inputs_.tokens_of(question);
  std::vector<int64_t> all;
  std::vector<float> lengths, match;
  for (const std::string& answer : answers) {
    const std::vector<int64_t> own = inputs_.symbols_of(answer);
    if (own.empty()) throw Error(ExitCode::corrupt, "an answer is empty");
    all.insert(all.end(), own.begin(), own.end());
    lengths.push_back(static_cast<float>(own.size()));
    for (const TokenMatch& one : match_tokens(words, inputs_.tokens_of(answer))) {
      match.insert(match.end(), {static_cast<float>(one.word), static_cast<float>(one.stem)});
    }
  }
  DeviceBatch batch = batch_of_symbols(symbols, device());
  const auto count = static_cast<int64_t>(answers.size());
  batch.targets["answers"] = torch::tensor(all, torch::kInt64).unsqueeze(1);
  batch.targets["lengths"] = torch::tensor(lengths, torch::kFloat32).view({count, 1, 1});
  batch.targets["match"] = torch::tensor(match, torch::kFloat32).view({-1, 1, 2});
  batch.targets["right"] = torch::zeros({count, 1, 1});
  return batch;
}

json AnswerMatching::answer(const json& line) {
  const char* field = line.contains("question") ? "question" : "text";
  if (!line.contains(field)) throw Error(ExitCode::corrupt, "\"question\" is missing");
  const std::string question = line.at(field).get<std::string>();
  if (line.contains("candidates")) return ranking_of(question, line.at("candidates"));
  if (index_) return from_index(question);
  throw Error(ExitCode::corrupt, "\"candidates\" is missing, and there is no --index");
}

/// {"ranking": [{"place", "answer", "score"}, ...]}, best first.
json AnswerMatching::ranking_of(const std::string& question, const json& candidates) {
  const auto answers = candidates.get<std::vector<std::string>>();
  if (answers.empty()) throw Error(ExitCode::corrupt, "\"candidates\" is empty");
  const auto scores =
      predict(batch_of(question, answers)).front().at("scores").get<std::vector<float>>();
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
  torch::NoGradGuard no_grad;
  std::vector<Tensor> parts;
  for (size_t begin = 0; begin < texts.size(); begin += kIndexBatch) {
    std::vector<std::vector<int64_t>> symbols;
    Lengths lengths;
    for (size_t i = begin; i < std::min(texts.size(), begin + kIndexBatch); ++i) {
      symbols.push_back(inputs_.symbols_of(texts[i]));
      if (symbols.back().empty()) throw Error(ExitCode::corrupt, "a text is empty");
      lengths.push_back(static_cast<int64_t>(symbols.back().size()));
    }
    const int64_t time = *std::max_element(lengths.begin(), lengths.end());
    Tensor symbols_TN =
        torch::full({time, static_cast<int64_t>(lengths.size())}, kPaddingSymbol, torch::kInt64);
    auto cells = symbols_TN.accessor<int64_t, 2>();
    for (size_t n = 0; n < symbols.size(); ++n) {
      for (size_t t = 0; t < symbols[n].size(); ++t) {
        cells[static_cast<int64_t>(t)][static_cast<int64_t>(n)] = symbols[n][t];
      }
    }
    symbols_TN = symbols_TN.to(device());
    parts.push_back(network_->scaled(questions ? network_->questions(symbols_TN, lengths, {})
                                               : network_->answers(symbols_TN, lengths, {}, {}),
                                     1));
  }
  return torch::cat(parts);
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

/// All templates that the model has looked at with their scores, best first.
std::vector<std::pair<int64_t, double>> AnswerMatching::best_templates(
    const std::string& question) {
  std::vector<std::pair<int64_t, double>> found;
  if (network_->scores_pairs()) {
    std::vector<std::string> answers;
    for (const auto& [number, score] : index_->search(question, kShortlist)) {
      found.emplace_back(number, 0.0);
      answers.push_back(index_->templates()[static_cast<size_t>(number)].answer);
    }
    if (found.empty()) return found;
    const auto scores =
        predict(batch_of(question, answers)).front().at("scores").get<std::vector<float>>();
    const Tensor shares = torch::tensor(scores, torch::kFloat64).softmax(0);
    for (size_t i = 0; i < found.size(); ++i) {
      found[i].second = shares[static_cast<int64_t>(i)].item<double>();
    }
  } else {
    const Tensor scores_N = index_vectors_.matmul(vectors_of({question}, true)[0]).cpu();
    std::vector<double> best(index_->templates().size(), -INFINITY);
    for (size_t n = 0; n < index_owners_.size(); ++n) {
      double& own = best[static_cast<size_t>(index_owners_[n])];
      own = std::max(own, scores_N[static_cast<int64_t>(n)].item<double>());
    }
    for (size_t i = 0; i < best.size(); ++i) found.emplace_back(static_cast<int64_t>(i), best[i]);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return found;
}

json AnswerMatching::found_templates(const std::vector<std::pair<int64_t, double>>& found) const {
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
json AnswerMatching::from_index(const std::string& question) {
  if (inputs_.symbols_of(question).empty()) throw Error(ExitCode::corrupt, "the question is empty");
  const auto by_model = best_templates(question);
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
