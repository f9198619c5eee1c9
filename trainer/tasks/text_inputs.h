// Inputs that were text: what a model remembers of them, so that it can read new text.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "data/manifest.h"
#include "data/text/text_symbols.h"

namespace lockstep {

/// {"vocabulary", "labels", "tokens", "end", "unknown", ...} of a stream of symbols; without how
/// text was cut where the manifest does not tell.
nlohmann::json describe_symbols(const Manifest& manifest, const StreamSchema& stream);

/// Reads text as the data set was read, and writes it. Throws Error(corrupt) when the description
/// does not tell how text was cut.
class TextInputs {
 public:
  explicit TextInputs(const nlohmann::json& description) : description_(description) {}
  std::vector<int64_t> symbols_of(const std::string& text) { return symbols()(text); }
  std::string text_of(const std::vector<int64_t>& numbers) { return symbols().text_of(numbers); }
  /// The symbol behind each text; -1 when there is none.
  int64_t end() { return symbols().end(); }

 private:
  const TextSymbols& symbols();

  const nlohmann::json& description_;
  std::optional<TextSymbols> symbols_;  ///< from the first text on
};

}  // namespace lockstep
