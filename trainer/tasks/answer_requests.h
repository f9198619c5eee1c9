// Lines that ask for an answer: a question, and the candidates where they are given.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "trainer/device_batch.h"
#include "trainer/tasks/text_inputs.h"

namespace lockstep {

/// A question with its candidates; without any it asks the file of templates.
struct AnswerRequest {
  std::string question;
  std::vector<int64_t> symbols;
  std::vector<std::string> candidates;
};

/// {"question" or "text", "candidates"}; the last may be absent where there is an index. Throws
/// Error(corrupt) on anything else, and on a question or candidate without a symbol.
AnswerRequest read_answer_request(const nlohmann::json& line, bool has_index, TextInputs& inputs);

/// Of questions that have a candidate each.
DeviceBatch batch_of_requests(const std::vector<AnswerRequest>& requests, TextInputs& inputs,
                              torch::Device device);

/// {"ranking": [{"place", "answer", "score"}, ...]}, best first.
nlohmann::json ranking_of(const std::vector<std::string>& answers,
                          const std::vector<float>& scores);

}  // namespace lockstep
