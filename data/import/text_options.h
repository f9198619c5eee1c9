// How importers of records cut text into tokens and choose a vocabulary.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/base/fields.h"
#include "data/manifest.h"
#include "data/text/text_symbols.h"
#include "data/text/vocabulary.h"

namespace lockstep {

class TextOptions {
 public:
  /// `--tokens`, `--lowercase`, `--split-punctuation`, `--vocabulary`, `--min-count`.
  void describe(Fields& fields);

  std::vector<std::string> tokens_of(const std::string& text) const;
  /// What training records hold often enough, behind the token for everything else.
  std::vector<std::string> vocabulary(const VocabularyCounter& counter) const;
  TextInfo info() const;
  /// A stream "inputs" of these tokens.
  StreamSchema schema(const std::vector<std::string>& tokens) const;

 private:
  static constexpr const char* kUnknownToken = "<unk>";

  std::string tokens_ = "words";
  bool lowercase_ = false;
  bool split_punctuation_ = false;
  int64_t vocabulary_ = 0;
  int64_t min_count_ = 1;
};

}  // namespace lockstep
