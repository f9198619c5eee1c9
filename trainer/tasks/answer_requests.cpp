// T time, B questions, C candidates.
#include "trainer/tasks/answer_requests.h"

#include <algorithm>
#include <numeric>

#include "data/base/error.h"
#include "data/base/json_problem.h"
#include "data/text/matching.h"
#include "trainer/tasks/input_lines.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

/// Rows of [steps, features] behind each other as a batch's column; the rest is 0.
template <class T>
void set_column(Tensor& target_TBF, size_t column, const std::vector<T>& values) {
  const Tensor own = torch::tensor(values, target_TBF.options());
  const int64_t features = target_TBF.numel() / (target_TBF.size(0) * target_TBF.size(1));
  const Tensor place =
      target_TBF.select(1, static_cast<int64_t>(column)).narrow(0, 0, own.numel() / features);
  place.copy_(own.view(place.sizes()));
}

}  // namespace

AnswerRequest read_answer_request(const json& line, bool has_index, TextInputs& inputs) {
  const char* field = line.contains("question") ? "question" : "text";
  if (!line.contains(field)) throw Error(ExitCode::corrupt, "\"question\" is missing");
  AnswerRequest request;
  request.question = text_member(line, field);
  request.symbols = inputs.symbols_of(request.question);
  if (request.symbols.empty()) throw Error(ExitCode::corrupt, "the question is empty");
  if (line.contains("candidates")) {
    request.candidates = line.at("candidates").get<std::vector<std::string>>();
    if (request.candidates.empty()) throw Error(ExitCode::corrupt, "\"candidates\" is empty");
    for (const std::string& answer : request.candidates) {
      if (inputs.symbols_of(answer).empty()) throw Error(ExitCode::corrupt, "an answer is empty");
    }
  } else if (!has_index) {
    throw Error(ExitCode::corrupt, "\"candidates\" is missing, and there is no --index");
  }
  return request;
}

DeviceBatch batch_of_requests(const std::vector<AnswerRequest>& requests, TextInputs& inputs,
                              torch::Device device) {
  std::vector<std::vector<int64_t>> questions, answers(requests.size());
  std::vector<std::vector<float>> lengths(requests.size()), match(requests.size());
  size_t most_tokens = 0, most_answers = 0;
  for (size_t b = 0; b < requests.size(); ++b) {
    questions.push_back(requests[b].symbols);
    const std::vector<std::string> words = inputs.tokens_of(requests[b].question);
    for (const std::string& answer : requests[b].candidates) {
      const std::vector<int64_t> own = inputs.symbols_of(answer);
      answers[b].insert(answers[b].end(), own.begin(), own.end());
      lengths[b].push_back(static_cast<float>(own.size()));
      for (const TokenMatch& one : match_tokens(words, inputs.tokens_of(answer))) {
        match[b].insert(match[b].end(),
                        {static_cast<float>(one.word), static_cast<float>(one.stem)});
      }
    }
    most_tokens = std::max(most_tokens, answers[b].size());
    most_answers = std::max(most_answers, lengths[b].size());
  }
  DeviceBatch batch = batch_of_symbols(questions, device);
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

}  // namespace lockstep
