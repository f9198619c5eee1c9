#include "data/import/text_options.h"

#include <algorithm>
#include <utility>

#include "data/base/error.h"
#include "data/text/sentence_pieces.h"

namespace lockstep {

void TextOptions::describe(Fields& fields) {
  fields
      .add("tokens", tokens,
           "how text is cut: one token per character, per word, or per piece of a word that "
           "sentencepiece learns from the training text")
      .one_of({"characters", "words", "sentencepiece"});
  fields.add("lowercase", lowercase, "tell no upper case from lower case");
  fields.add("split_punctuation", split_punctuation,
             "words: punctuation marks are tokens of their own");
  fields
      .add("vocabulary", vocabulary,
           "how many of the most frequent tokens of the training text are told apart; the others "
           "become <unk>; 0: all; sentencepiece: how many pieces to learn, at most")
      .at_least(0);
  fields
      .add("min_count", min_count,
           "tokens that the training text holds less often become <unk>; a model learns <unk> only "
           "where some do; not for sentencepiece")
      .at_least(1);
  fields.add("sentencepiece_model", sentencepiece_model, "how sentencepiece chooses pieces")
      .one_of({"unigram", "bpe"});
}

void TextOptions::describe_reuse(Fields& fields) {
  fields.add("vocabulary_of", vocabulary_of,
             "folder of a data set whose tokens, and whose way to cut text, are taken instead of "
             "learning them here: for models that start from one trained there");
}

void TextOptions::check() const {
  if (!vocabulary_of.empty()) return;
  if (tokens != "sentencepiece") return;
  if (vocabulary < 10) {
    throw Error(ExitCode::usage, "--tokens sentencepiece needs a --vocabulary of at least 10",
                "for example --vocabulary 8000");
  }
  if (split_punctuation || min_count > 1) {
    throw Error(ExitCode::usage,
                "--split-punctuation and --min-count are not for --tokens sentencepiece",
                "sentencepiece finds by itself what to split");
  }
}

StreamSchema LearnedText::schema(const std::string& stream) const {
  StreamSchema schema;
  schema.name = stream;
  schema.element = ElementType::i32;
  schema.num_classes = static_cast<int64_t>(tokens.size());
  schema.labels = tokens;
  return schema;
}

TextLearner::TextLearner(TextOptions options, std::string end)
    : options_(std::move(options)), end_(std::move(end)) {
  options_.check();
  if (!options_.vocabulary_of.empty()) {
    reuse(options_.vocabulary_of);
  } else {
    rules_ = {token_kind_of(options_.tokens), options_.lowercase, options_.split_punctuation,
              nullptr};
  }
}

void TextLearner::reuse(const std::string& folder) {
  const Manifest manifest = read_manifest(folder);
  if (!manifest.text) {
    throw Error(ExitCode::config, fmt::format("--vocabulary-of: {} holds no text", folder));
  }
  reused_ = LearnedText{*manifest.text, manifest.streams.front().labels};
  const auto has = [&](const std::string& token) {
    return std::find(reused_->tokens.begin(), reused_->tokens.end(), token) !=
           reused_->tokens.end();
  };
  if (!end_.empty() && !has(end_)) {
    throw Error(
        ExitCode::config,
        fmt::format("--vocabulary-of: {} has no token {} for the end of a line", folder, end_),
        "take a data set that `lockstep data import lines` made");
  }
  reused_->info.end = end_;
  rules_ = rules_of(reused_->info);
}

void TextLearner::check(const std::string& text) const {
  TextRules rules = rules_;
  if (learns_pieces()) rules.kind = TokenKind::words;  // there is a piece where there is a word
  if (tokenize(text, rules).empty()) throw Error(ExitCode::corrupt, "has no text");
}

void TextLearner::add(const std::string& text) {
  if (reused_) return;
  if (learns_pieces()) {
    texts_.push_back(prepare_text(text, rules_));
    return;
  }
  for (const std::string& token : tokenize(text, rules_)) counter_.add(token);
}

LearnedText TextLearner::finish(const std::string& model_file) {
  if (reused_) {
    if (!reused_->info.model.empty()) reused_->info.model_file = model_file;
    return *reused_;
  }
  LearnedText learned;
  learned.info = {options_.tokens, end_, kUnknownToken, options_.lowercase,
                  options_.split_punctuation};
  std::vector<std::string> first;
  if (!end_.empty()) first.push_back(end_);
  first.emplace_back(kUnknownToken);
  if (!learns_pieces()) {
    learned.tokens = counter_.most_frequent(first, options_.vocabulary, options_.min_count);
    return learned;
  }
  // One of sentencepiece's pieces is its own <unk>.
  const auto extra = static_cast<int64_t>(first.size()) - 1;
  learned.info.model_file = model_file;
  learned.info.model =
      train_sentence_pieces(texts_, options_.vocabulary - extra, options_.sentencepiece_model);
  texts_ = {};
  learned.tokens = first;
  for (std::string& piece : SentencePieces(learned.info.model).pieces()) {
    if (std::find(first.begin(), first.end(), piece) == first.end()) {
      learned.tokens.push_back(std::move(piece));
    }
  }
  return learned;
}

}  // namespace lockstep
