// How importers of records cut text into tokens, and what they learn from the training records.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/base/fields.h"
#include "data/manifest.h"
#include "data/text/text_symbols.h"
#include "data/text/vocabulary.h"

namespace lockstep {

/// `--tokens`, `--lowercase`, `--split-punctuation`, `--vocabulary`, `--min-count` and
/// `--sentencepiece-model`.
struct TextOptions {
  std::string tokens = "words";
  bool lowercase = false;
  bool split_punctuation = false;
  int64_t vocabulary = 0;
  int64_t min_count = 1;
  std::string sentencepiece_model = "unigram";
  std::string vocabulary_of;

  void describe(Fields& fields);
  /// `--vocabulary-of`, of importers of one text.
  void describe_reuse(Fields& fields);
  /// Throws Error(usage) when they contradict each other.
  void check() const;
};

/// What the training texts taught: how text is cut, and the token of every symbol.
struct LearnedText {
  TextInfo info;
  std::vector<std::string> tokens;

  StreamSchema schema(const std::string& stream) const;
  TextSymbols symbols() const { return {info, tokens}; }
};

/// Learns the vocabulary of texts, or takes that of another data set: first the end token, when
/// there is to be one, then "<unk>" for all tokens that are seen too seldom, then the others.
class TextLearner {
 public:
  /// Throws Error when the other data set cannot be read or has no text, or not `end`.
  explicit TextLearner(TextOptions options, std::string end = {});

  /// Throws Error(corrupt) when a text has no token, or is not UTF-8.
  void check(const std::string& text) const;
  /// Learns from a text. Sentencepiece needs all of them at once, so they are kept.
  void add(const std::string& text);
  /// Call once, last. `model_file` is what a model of sentencepiece will be called.
  LearnedText finish(const std::string& model_file);

 private:
  static constexpr const char* kUnknownToken = "<unk>";

  bool learns_pieces() const { return rules_.kind == TokenKind::sentencepiece; }
  void reuse(const std::string& folder);

  TextOptions options_;
  std::string end_;
  TextRules rules_;  ///< without a model
  std::optional<LearnedText> reused_;
  VocabularyCounter counter_;
  std::vector<std::string> texts_;
};

}  // namespace lockstep
