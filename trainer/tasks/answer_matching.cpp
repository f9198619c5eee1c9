// T time, B questions, N candidates, O numbers of a vector, F features, V vocabulary.
#include "trainer/tasks/answer_matching.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "data/base/error.h"
#include "trainer/tasks/answer_requests.h"
#include "trainer/tasks/candidate_figures.h"
#include "trainer/tasks/candidate_lists.h"
#include "trainer/tasks/candidate_split.h"
#include "trainer/tasks/matching_loss.h"
#include "trainer/tasks/matching_networks.h"
#include "trainer/tasks/template_search.h"
#include "trainer/tasks/text_inputs.h"
#include "trainer/tasks/text_vectors.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

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
  std::string summary() const override { return network_.summary(); }
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
  bool takes_plain_text() const override { return templates_.has_value(); }
  bool set_index(const IndexOptions& options) override;
  std::vector<LineAnswer> answer(const std::vector<json>& lines) override;

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
  TextEncoder encoder_of(bool questions);
  Tensor distinct_answer_vectors(const CandidateLists& lists);
  Tensor scores_of(const DeviceBatch& batch, const CandidateLists& lists);
  Tensor learn_from_batch(const DeviceBatch& batch, const CandidateLists& lists,
                          const DropoutKey& key, double* sums);
  Tensor learn_from_lists(const DeviceBatch& batch, const CandidateLists& lists,
                          const DropoutKey& key, double* sums);
  Tensor judge(const DeviceBatch& batch, const CandidateLists& lists, double* sums);

  std::vector<json> answer_requests(const std::vector<AnswerRequest>& requests);
  std::vector<std::vector<float>> scores_of(const std::vector<AnswerRequest>& requests);
  Tensor vectors_of(const std::vector<std::string>& texts, bool questions);

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
  std::optional<TemplateSearch> templates_;
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
  if (network_->scores_pairs()) return torch::stack(network_.scores(batch, lists, {})).mean(0);
  const Tensor owners_N = torch::tensor(lists.owners, torch::kInt64).to(batch.inputs.device());
  const Tensor question_NO = question_vectors(batch, {}).index_select(0, owners_N);
  return (network_->scaled(question_NO, config_.logit_scale) * distinct_answer_vectors(lists))
      .sum(1);
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
  const std::vector<Tensor> scores = network_.scores(batch, lists, key);
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
  add_ranking_figures(scores_N.detach().cpu().contiguous(), lists,
                      {&sums[3], &sums[4], &sums[5], &sums[6]});
  if (network_->scores_pairs()) {
    // The floor that a reader of no more than shared words reaches.
    const Tensor overlap_N = network_.features(batch, lists).select(1, 0).cpu().contiguous();
    add_ranking_figures(overlap_N, lists, {&sums[7], &sums[8]});
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

void AnswerMatching::begin_evaluation(const Split& split, const SharedWork& ranks) {
  if (network_->scores_pairs()) return;
  known_answers_ = {};
  for (int64_t id = 0; id < split.size(); ++id) {
    for (const TextSymbolNumbers& answer : candidates_of(split, id)) {
      known_answers_.texts.add(answer);
    }
  }
  known_answers_.vectors = encode_texts(known_answers_.texts.all(), encoder_of(false), ranks);
}

/// In how many of the split's answers each token stands, [V], and how many answers there are.
std::pair<Tensor, double> count_answers(const Split& split, int64_t vocabulary, int64_t unknown) {
  std::vector<float> counts(static_cast<size_t>(vocabulary));
  double answers = 0;
  for (int64_t id = 0; id < split.size(); ++id) {
    for (const TextSymbolNumbers& answer : candidates_of(split, id)) {
      const std::set<int64_t> own(answer.begin(), answer.end());
      for (const int64_t one : own) counts.at(static_cast<size_t>(one)) += 1;
      answers += 1;
    }
  }
  // What is unknown is rare, however many such tokens there are.
  if (unknown >= 0) counts.at(static_cast<size_t>(unknown)) = 0;
  return {torch::tensor(counts, torch::kFloat32), answers};
}

/// What the networks know of the training answers: how rare tokens are, then the moments of the
/// features that this gives.
void AnswerMatching::prepare(const Split& train) {
  torch::NoGradGuard no_grad;
  const auto [counts_V, answers] =
      count_answers(train, description_.at("inputs").at("vocabulary"), inputs_.unknown());
  for (MatchingNetwork& member : network_.members()) member->set_counts(counts_V, answers);
  if (!network_->scores_pairs()) return;
  std::vector<Tensor> features;
  double contrasts = 0;  // lists with right answers and wrong ones
  bool any_wrong = false;
  for (int64_t id = 0; id < train.size(); ++id) {
    const DeviceBatch batch = batch_of_question(train, id);
    const CandidateLists lists = candidate_lists(batch);
    features.push_back(network_.features(batch, lists));
    contrasts += ranked_questions(lists);
    any_wrong = any_wrong || std::count(lists.right.begin(), lists.right.end(), false) > 0;
  }
  if (contrasts == 0 && !(config_.candidate_loss > 0 && any_wrong)) {
    throw Error(ExitCode::config,
                "no training question has both a right and a wrong answer, so a scorer of pairs "
                "has nothing to learn from",
                "add wrong answers to the source, or set model.matching to dual, for which the "
                "answers of other questions are wrong ones");
  }
  const Tensor all_NF = torch::cat(features);
  for (MatchingNetwork& member : network_.members()) {
    member->set_feature_moments(all_NF.mean(0), all_NF.std(0, false).clamp_min(1e-3));
  }
}

std::vector<LineAnswer> AnswerMatching::answer(const std::vector<json>& lines) {
  return answer_together(
      lines,
      [this](const json& line) {
        return read_answer_request(line, templates_.has_value(), inputs_);
      },
      [this](const std::vector<AnswerRequest>& requests) { return answer_requests(requests); });
}

std::vector<json> AnswerMatching::answer_requests(const std::vector<AnswerRequest>& requests) {
  std::vector<AnswerRequest> ranked, asked;
  for (const AnswerRequest& request : requests) {
    (request.candidates.empty() ? asked : ranked).push_back(request);
  }
  const std::vector<std::vector<float>> scores = scores_of(ranked);
  const std::vector<json> found = asked.empty() ? std::vector<json>{} : templates_->answer(asked);
  std::vector<json> answers;
  auto own_scores = scores.begin();
  auto own_found = found.begin();
  for (const AnswerRequest& request : requests) {
    answers.push_back(request.candidates.empty() ? *own_found++
                                                 : ranking_of(request.candidates, *own_scores++));
  }
  return answers;
}

/// Of each question's candidates.
std::vector<std::vector<float>> AnswerMatching::scores_of(
    const std::vector<AnswerRequest>& requests) {
  std::vector<std::vector<float>> scores;
  if (requests.empty()) return scores;
  for (const json& answer : predict(batch_of_requests(requests, inputs_, device()))) {
    scores.push_back(answer.at("scores").get<std::vector<float>>());
  }
  return scores;
}

bool AnswerMatching::set_index(const IndexOptions& options) {
  if (config_.candidate_place) {
    throw Error(ExitCode::usage,
                "--index: this model looks at an answer's place in its page, and a file of "
                "answers has none",
                "train with model.candidate_place=false");
  }
  TemplateModel model;
  model.terms = [this](const std::string& text) { return inputs_.terms_of(text); };
  model.readable = [this](const std::string& text) { return !inputs_.symbols_of(text).empty(); };
  model.scores = [this](const std::vector<AnswerRequest>& asked) { return scores_of(asked); };
  if (!network_->scores_pairs()) {
    model.vectors = [this](const std::vector<std::string>& texts, bool questions) {
      return vectors_of(texts, questions);
    };
  }
  templates_.emplace(options, std::move(model));
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

json describe_candidates(const Manifest& manifest) {
  std::vector<std::string> names;
  for (const StreamSchema& stream : manifest.streams) names.push_back(stream.name);
  if (names != std::vector<std::string>{"inputs", "answers", "lengths", "match", "right"}) {
    throw Error(ExitCode::config,
                "task answer_matching needs questions with lists of candidates; this data set "
                "has none",
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
