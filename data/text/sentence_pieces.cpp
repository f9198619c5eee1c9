#include "data/text/sentence_pieces.h"

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include "data/base/error.h"

namespace lockstep {
namespace {

constexpr int64_t kLongestLine = int64_t{1} << 24;  // bytes; longer lines teach nothing

class LineIterator : public sentencepiece::SentenceIterator {
 public:
  explicit LineIterator(const std::vector<std::string>& lines) : lines_(lines) {}
  bool done() const override { return at_ >= lines_.size(); }
  void Next() override { ++at_; }
  const std::string& value() const override { return lines_[at_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  const std::vector<std::string>& lines_;
  size_t at_ = 0;
};

}  // namespace

struct SentencePieces::Processor : sentencepiece::SentencePieceProcessor {};

std::string train_sentence_pieces(const std::vector<std::string>& lines, int64_t size,
                                  const std::string& kind) {
  LineIterator iterator(lines);
  std::string model;
  // One thread and all lines, so that the same text gives the same model.
  const auto status = sentencepiece::SentencePieceTrainer::Train(
      {{"model_type", kind},
       {"vocab_size", std::to_string(size)},
       {"hard_vocab_limit", "false"},
       {"unk_id", "0"},
       {"bos_id", "-1"},
       {"eos_id", "-1"},
       {"pad_id", "-1"},
       {"normalization_rule_name", "identity"},
       {"max_sentence_length", std::to_string(kLongestLine)},
       {"num_threads", "1"},
       {"minloglevel", "2"}},
      &iterator, &model);
  if (!status.ok()) {
    throw Error(ExitCode::corrupt,
                fmt::format("sentencepiece cannot learn {} pieces from {} lines: {}", size,
                            lines.size(), status.message()),
                "give another --vocabulary, or more text");
  }
  return model;
}

SentencePieces::SentencePieces(const std::string& model)
    : processor_(std::make_unique<Processor>()) {
  const auto status = processor_->LoadFromSerializedProto(model);
  if (!status.ok()) {
    throw Error(ExitCode::corrupt,
                fmt::format("this is no model of sentencepiece: {}", status.message()));
  }
}

SentencePieces::~SentencePieces() = default;

std::vector<std::string> SentencePieces::pieces() const {
  std::vector<std::string> pieces;
  for (int i = 0; i < processor_->GetPieceSize(); ++i) {
    if (!processor_->IsUnknown(i) && !processor_->IsControl(i)) {
      pieces.push_back(processor_->IdToPiece(i));
    }
  }
  return pieces;
}

std::vector<std::string> SentencePieces::encode(std::string_view text) const {
  std::vector<std::string> pieces;
  const auto status = processor_->Encode(text, &pieces);
  if (!status.ok()) throw Error(ExitCode::corrupt, status.ToString());
  return pieces;
}

}  // namespace lockstep
