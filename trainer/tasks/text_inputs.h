// Inputs that were text: what a model remembers of them, so that it can read new text.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/manifest.h"
#include "data/text/text_symbols.h"

namespace lockstep {

/// {"vocabulary", "labels", "tokens", "end", "unknown", ...} of a stream of symbols; without how
/// text was cut where the manifest does not tell.
nlohmann::json describe_symbols(const Manifest& manifest, const StreamSchema& stream);

/// What a network reads, of a task's description: {"inputs": ...} of symbols, else {"features",
/// "scale", "offset"}, and how sound became features.
nlohmann::json describe_inputs(const Manifest& manifest);

/// Labels of a stream that describe_symbols() described; empty when its symbols have no names.
std::vector<std::string> labels_of_symbols(const nlohmann::json& description);

/// Reads text as the data set was read, and writes it. Throws Error(corrupt) when the description
/// does not tell how text was cut.
class TextInputs {
 public:
  explicit TextInputs(const nlohmann::json& description) : description_(description) {}
  std::vector<int64_t> symbols_of(const std::string& text) { return symbols()(text); }
  /// The tokens behind them, also those that the vocabulary lacks.
  std::vector<std::string> tokens_of(const std::string& text) { return symbols().tokens(text); }
  /// What plain text retrieval looks for in them.
  std::vector<std::string> terms_of(const std::string& text) { return symbols().terms(text); }
  std::string text_of(const std::vector<int64_t>& numbers) { return symbols().text_of(numbers); }
  /// The symbol behind each text; -1 when there is none.
  int64_t end() { return symbols().end(); }
  /// The symbol of all that the vocabulary lacks; -1 when there is none.
  int64_t unknown() { return number_of(description_.value("unknown", "")); }

  /// Symbols of a line for `lockstep predict`: {"text": "..."}, {"sequence": "ACGT"} of letters of
  /// an alphabet, or {"symbols": ["a", "b"]} by label. Throws Error(corrupt) when it has none of
  /// them, or no symbol.
  std::vector<int64_t> symbols_of_line(const nlohmann::json& line);

 private:
  const TextSymbols& symbols();
  std::vector<int64_t> symbols_of_letters(const std::string& letters);
  std::vector<int64_t> symbols_of_labels(const nlohmann::json& labels);
  int64_t number_of(const std::string& label);

  const nlohmann::json& description_;
  std::optional<TextSymbols> symbols_;                ///< from the first text on
  std::unordered_map<std::string, int64_t> numbers_;  ///< of labels, from the first one on
};

}  // namespace lockstep
