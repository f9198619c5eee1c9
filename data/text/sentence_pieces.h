// Pieces of words learned from text, by the sentencepiece library (Kudo and Richardson 2018).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

/// Learns a model of at most `size` pieces from lines of text, the same one every time. `kind` is
/// "unigram" (Kudo 2018) or "bpe" (Sennrich et al. 2016). Gives the bytes of sentencepiece's model
/// file. Throws Error(corrupt) when the text is too little for it.
std::string train_sentence_pieces(const std::vector<std::string>& lines, int64_t size,
                                  const std::string& kind);

/// A model that was learned. Its text is taken as it comes: no normalisation but of white space.
class SentencePieces {
 public:
  /// Throws Error(corrupt) when the bytes are no model.
  explicit SentencePieces(const std::string& model);
  ~SentencePieces();
  SentencePieces(const SentencePieces&) = delete;
  SentencePieces& operator=(const SentencePieces&) = delete;

  /// All pieces but the one that stands for what none covers. A piece that begins a word begins
  /// with kWordBegin.
  std::vector<std::string> pieces() const;
  /// The pieces of a text; what none of the model's covers comes as it stands in the text.
  std::vector<std::string> encode(std::string_view text) const;

  static constexpr const char* kWordBegin = "\u2581";

 private:
  struct Processor;
  std::unique_ptr<Processor> processor_;
};

}  // namespace lockstep
