// B questions, N texts of the file, O numbers of a vector.
#include "trainer/tasks/template_search.h"

#include <algorithm>
#include <cmath>

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

/// Of a file of templates a scorer of pairs reads those that plain text retrieval puts first.
constexpr size_t kShortlist = 20;

}  // namespace

TemplateSearch::TemplateSearch(const IndexOptions& options, TemplateModel model)
    : options_(options), model_(std::move(model)), index_(options.file, model_.terms) {
  if (model_.vectors) encode_templates();
}

std::vector<json> TemplateSearch::answer(const std::vector<AnswerRequest>& questions) const {
  const std::vector<Found> found = best_by_model(questions);
  std::vector<json> answers;
  for (size_t b = 0; b < questions.size(); ++b) {
    answers.push_back(answer_of(questions[b].question, found[b]));
  }
  return answers;
}

/// Templates are found by their answer and by the questions they are known to answer.
void TemplateSearch::encode_templates() {
  std::vector<std::string> answers, questions;
  std::vector<int64_t> askers;
  for (size_t i = 0; i < index_.templates().size(); ++i) {
    const AnswerTemplate& one = index_.templates()[i];
    answers.push_back(one.answer);
    owners_.push_back(static_cast<int64_t>(i));
    for (const std::string& question : one.questions) {
      if (!model_.readable(question)) continue;
      questions.push_back(question);
      askers.push_back(static_cast<int64_t>(i));
    }
  }
  vectors_ = model_.vectors(answers, false);
  if (questions.empty()) return;
  vectors_ = torch::cat({vectors_, model_.vectors(questions, true)});
  owners_.insert(owners_.end(), askers.begin(), askers.end());
}

/// All templates that the model has looked at.
std::vector<TemplateSearch::Found> TemplateSearch::best_by_model(
    const std::vector<AnswerRequest>& questions) const {
  if (questions.empty()) return {};
  auto all = model_.vectors ? best_of_vectors(questions) : best_of_pairs(questions);
  for (Found& found : all) {
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
  }
  return all;
}

std::vector<TemplateSearch::Found> TemplateSearch::best_of_pairs(
    const std::vector<AnswerRequest>& questions) const {
  std::vector<Found> all;
  std::vector<AnswerRequest> requests;  // of those for which anything was found
  for (const AnswerRequest& question : questions) {
    all.push_back(index_.search(question.question, kShortlist));
    if (all.back().empty()) continue;
    requests.push_back(question);
    for (const auto& [number, score] : all.back()) {
      requests.back().candidates.push_back(index_.templates()[static_cast<size_t>(number)].answer);
    }
  }
  const std::vector<std::vector<float>> scores = model_.scores(requests);
  auto own = scores.begin();
  for (Found& found : all) {
    if (found.empty()) continue;
    const Tensor shares = torch::tensor(*own++, torch::kFloat64).softmax(0);
    for (size_t i = 0; i < found.size(); ++i) {
      found[i].second = shares[static_cast<int64_t>(i)].item<double>();
    }
  }
  return all;
}

std::vector<TemplateSearch::Found> TemplateSearch::best_of_vectors(
    const std::vector<AnswerRequest>& questions) const {
  std::vector<std::string> texts;
  for (const AnswerRequest& question : questions) texts.push_back(question.question);
  const Tensor scores_BN = model_.vectors(texts, true).matmul(vectors_.t()).cpu().contiguous();
  std::vector<Found> all;
  for (size_t b = 0; b < questions.size(); ++b) {
    const float* scores = scores_BN.const_data_ptr<float>() + b * owners_.size();
    std::vector<double> best(index_.templates().size(), -INFINITY);
    for (size_t n = 0; n < owners_.size(); ++n) {
      double& own = best[static_cast<size_t>(owners_[n])];
      own = std::max(own, static_cast<double>(scores[n]));
    }
    Found found;
    for (size_t i = 0; i < best.size(); ++i) found.emplace_back(static_cast<int64_t>(i), best[i]);
    all.push_back(std::move(found));
  }
  return all;
}

json TemplateSearch::lines_of(const Found& found) const {
  json answers = json::array();
  for (const auto& [number, score] : found) {
    if (static_cast<int64_t>(answers.size()) == options_.top) break;
    const AnswerTemplate& one = index_.templates()[static_cast<size_t>(number)];
    answers.push_back({{"template", one.id}, {"answer", one.answer}, {"score", score}});
  }
  return answers;
}

json TemplateSearch::answer_of(const std::string& question, const Found& by_model) const {
  if (!by_model.empty() && by_model.front().second >= options_.threshold) {
    return {{"by", "model"}, {"answers", lines_of(by_model)}};
  }
  const auto by_text = index_.search(question, static_cast<size_t>(options_.top));
  if (!by_text.empty() && by_text.front().second >= options_.text_threshold) {
    return {{"by", "text"}, {"answers", lines_of(by_text)}};
  }
  return {{"by", nullptr}, {"answers", json::array()}, {"message", "no good answer"}};
}

}  // namespace lockstep
