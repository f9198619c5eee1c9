// Answers new questions from a file of templates: by the model, else by plain text, else not at
// all.
#pragma once

#include "trainer/model/libtorch.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "trainer/tasks/answer_index.h"
#include "trainer/tasks/answer_requests.h"
#include "trainer/tasks/index_options.h"

namespace lockstep {

/// What the search asks of a model: a dual encoder has vectors, a scorer of pairs has none.
struct TemplateModel {
  /// What plain text retrieval looks for.
  std::function<std::vector<std::string>(const std::string&)> terms;
  /// Whether the model can read a text: it has a symbol.
  std::function<bool(const std::string&)> readable;
  /// Of each question's candidates.
  std::function<std::vector<std::vector<float>>(const std::vector<AnswerRequest>&)> scores;
  /// [texts, O] of questions or of answers, whose products are scores. Empty: there are none.
  std::function<torch::Tensor(const std::vector<std::string>&, bool questions)> vectors;
};

class TemplateSearch {
 public:
  /// Reads the file, and encodes it where the model has vectors. Throws as AnswerIndex.
  TemplateSearch(const IndexOptions& options, TemplateModel model);

  /// Of each question {"by", "answers"}: by the "model" when its best score reaches the threshold,
  /// else by plain "text" retrieval when that reaches its own, else by null: there is no good
  /// answer.
  std::vector<nlohmann::json> answer(const std::vector<AnswerRequest>& questions) const;

 private:
  using Found = std::vector<std::pair<int64_t, double>>;  ///< templates and scores, best first

  void encode_templates();
  std::vector<Found> best_by_model(const std::vector<AnswerRequest>& questions) const;
  std::vector<Found> best_of_pairs(const std::vector<AnswerRequest>& questions) const;
  std::vector<Found> best_of_vectors(const std::vector<AnswerRequest>& questions) const;
  nlohmann::json answer_of(const std::string& question, const Found& by_model) const;
  nlohmann::json lines_of(const Found& found) const;

  IndexOptions options_;
  TemplateModel model_;
  AnswerIndex index_;
  torch::Tensor vectors_;        ///< one row for each text of the file that the model reads
  std::vector<int64_t> owners_;  ///< the template of each row
};

}  // namespace lockstep
