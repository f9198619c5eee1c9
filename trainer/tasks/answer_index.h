// A file of answer templates, and plain text retrieval over it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "data/text/bm25.h"

namespace lockstep {

struct AnswerTemplate {
  nlohmann::json id;  ///< its line's number where the file gives none
  std::string answer;
  std::vector<std::string> questions;  ///< that it is known to answer; may be empty
};

class AnswerIndex {
 public:
  /// The terms of a text that retrieval looks for.
  using Terms = std::function<std::vector<std::string>(const std::string&)>;

  /// Lines of JSON: {"answer": text, "question": text or list of texts, "id": any}; the last two
  /// may be absent. Throws Error: missing, or corrupt with the line that is none.
  AnswerIndex(const std::filesystem::path& file, Terms terms);

  const std::vector<AnswerTemplate>& templates() const { return templates_; }

  /// Templates whose question or answer shares words with the text: their numbers and the share of
  /// the best possible score, best first.
  std::vector<std::pair<int64_t, double>> search(const std::string& text, size_t most) const;

 private:
  Terms terms_;
  std::vector<AnswerTemplate> templates_;
  Bm25 retrieval_;
};

}  // namespace lockstep
