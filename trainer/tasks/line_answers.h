// Lines of `lockstep predict` that a task reads and answers by itself, some of them together.
#pragma once

#include <cstddef>
#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace lockstep {

struct LineAnswer {
  nlohmann::json answer;
  std::string error;  ///< why the line cannot be answered; empty when it is
};

/// Reads each line by itself, `read` throws what is wrong with it; then `answer` gets what all the
/// others ask for and gives an answer to each. Where it throws they are answered one by one, so
/// that a line never pays for its neighbours.
template <class Read, class Answer>
std::vector<LineAnswer> answer_together(const std::vector<nlohmann::json>& lines, Read read,
                                        Answer answer) {
  using Request = decltype(read(lines.front()));
  std::vector<LineAnswer> answers(lines.size());
  std::vector<Request> requests;
  std::vector<size_t> places;
  for (size_t i = 0; i < lines.size(); ++i) {
    try {
      requests.push_back(read(lines[i]));
      places.push_back(i);
    } catch (const std::exception& error) {
      answers[i].error = error.what();
    }
  }
  const auto fill = [&](size_t begin, size_t end) {
    if (begin == end) return;
    std::vector<nlohmann::json> good =
        answer(std::vector<Request>(requests.begin() + static_cast<std::ptrdiff_t>(begin),
                                    requests.begin() + static_cast<std::ptrdiff_t>(end)));
    for (size_t i = begin; i < end; ++i) answers[places[i]].answer = std::move(good[i - begin]);
  };
  try {
    fill(0, requests.size());
    return answers;
  } catch (const std::exception&) {
    for (size_t i = 0; i < requests.size(); ++i) {
      try {
        fill(i, i + 1);
      } catch (const std::exception& error) {
        answers[places[i]].error = error.what();
      }
    }
  }
  return answers;
}

}  // namespace lockstep
