#include "trainer/tasks/answer_index.h"

#include <algorithm>

#include "data/base/error.h"
#include "data/base/json_problem.h"
#include "data/import/line_reader.h"

namespace lockstep {

using nlohmann::json;

namespace {

std::vector<std::string> texts_of(const json& value) {
  if (value.is_string()) return {value.get<std::string>()};
  const auto is_text = [](const json& one) { return one.is_string(); };
  if (value.is_array() && std::all_of(value.begin(), value.end(), is_text)) {
    return value.get<std::vector<std::string>>();
  }
  throw Error(ExitCode::corrupt, "\"question\" is neither a text nor a list of texts");
}

AnswerTemplate template_of(const std::string& line, int64_t number) {
  const json object = json::parse(line);
  if (!object.is_object()) throw Error(ExitCode::corrupt, "the line must be a JSON object");
  AnswerTemplate result;
  result.id = object.contains("id") ? object.at("id") : json(number);
  result.answer = text_member(object, "answer");
  if (object.contains("question")) result.questions = texts_of(object.at("question"));
  return result;
}

}  // namespace

AnswerIndex::AnswerIndex(const std::filesystem::path& file, Terms terms)
    : terms_(std::move(terms)) {
  LineReader lines(file);
  for (std::string line; lines.next(line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      if (!lines.problem().empty()) throw Error(ExitCode::corrupt, lines.problem());
      templates_.push_back(template_of(line, lines.number()));
      std::vector<std::string> tokens = terms_(templates_.back().answer);
      if (tokens.empty()) throw Error(ExitCode::corrupt, "the answer is empty");
      for (const std::string& question : templates_.back().questions) {
        const std::vector<std::string> own = terms_(question);
        tokens.insert(tokens.end(), own.begin(), own.end());
      }
      retrieval_.add(tokens);
    } catch (const std::exception& problem) {
      throw Error(ExitCode::corrupt, fmt::format("{}: {}", lines.place(), problem_text(problem)),
                  "each line is {\"answer\": TEXT}, with \"question\" (a text "
                  "or a list of them) "
                  "and \"id\" where there are any");
    }
  }
  if (templates_.empty()) {
    throw Error(ExitCode::corrupt, fmt::format("{}: holds no answer", file.string()));
  }
}

std::vector<std::pair<int64_t, double>> AnswerIndex::search(const std::string& text,
                                                            size_t most) const {
  const std::vector<std::string> query = terms_(text);
  auto found = retrieval_.best(query, most);
  const double whole = retrieval_.best_possible(query);
  for (auto& [number, score] : found) score = whole > 0 ? score / whole : 0;
  return found;
}

}  // namespace lockstep
