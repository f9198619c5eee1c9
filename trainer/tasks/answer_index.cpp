#include "trainer/tasks/answer_index.h"

#include "data/base/error.h"
#include "data/import/line_reader.h"

namespace lockstep {

using nlohmann::json;

namespace {

std::vector<std::string> texts_of(const json& value) {
  if (value.is_string()) return {value.get<std::string>()};
  return value.get<std::vector<std::string>>();
}

AnswerTemplate template_of(const std::string& line, int64_t number) {
  const json object = json::parse(line);
  AnswerTemplate result;
  result.id = object.contains("id") ? object.at("id") : json(number);
  result.answer = object.at("answer").get<std::string>();
  if (object.contains("question")) result.questions = texts_of(object.at("question"));
  return result;
}

}  // namespace

AnswerIndex::AnswerIndex(const std::filesystem::path& file, const Tokenize& tokenize)
    : tokenize_(tokenize) {
  LineReader lines(file);
  for (std::string line; lines.next(line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      if (!lines.problem().empty()) throw Error(ExitCode::corrupt, lines.problem());
      templates_.push_back(template_of(line, lines.number()));
      std::vector<std::string> tokens = tokenize_(templates_.back().answer);
      if (tokens.empty()) throw Error(ExitCode::corrupt, "the answer is empty");
      for (const std::string& question : templates_.back().questions) {
        const std::vector<std::string> own = tokenize_(question);
        tokens.insert(tokens.end(), own.begin(), own.end());
      }
      retrieval_.add(tokens);
    } catch (const std::exception& problem) {
      throw Error(ExitCode::corrupt, fmt::format("{}: {}", lines.place(), problem.what()),
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
  const std::vector<std::string> query = tokenize_(text);
  auto found = retrieval_.best(query, most);
  const double whole = retrieval_.best_possible(query);
  for (auto& [number, score] : found) score = whole > 0 ? score / whole : 0;
  return found;
}

}  // namespace lockstep
